"""What a bench has found, as lines of text."""

from gansmith.apps.bench import BenchResult
from gansmith.apps.bench.clocks import Spread


def lines(found: BenchResult) -> list[str]:
    """The ratio first, then where the time goes, then on what it was measured."""
    told, step = found.settings, found.step.median
    shape = "x".join(map(str, told["shape"]))
    calls = sum(found.kernel_calls.values())
    said = [
        f"{told['recipe']} on {told['data']} ({shape}), batch {told['batch']}, {told['model']} of "
        f"width {told['width']}, {told['device']} {told['precision']}, {told['threads']} threads",
        f"{found.rounds} rounds in turn, {found.clock} seconds; medians [quartiles]",
        "",
        f"step           {_ms(found.step)}   {found.images_per_second:,.0f} images/s",
        f"bare kernels   {_ms(found.kernels)}   {calls} of {found.operations} operations",
        f"step / bare kernels       {_plain(found.ratio)}",
        f"new data at every step    {found.data_adds.median:+.1%} "
        f"[{found.data_adds.low:+.1%}, {found.data_adds.high:+.1%}]",
    ]
    if found.penalty_adds:
        said += ["a penalty adds to D's gradients without it, in parts of those:"]
        wide = max(map(len, found.penalty_adds))
        said += [f"  {name:<{wide}}  {_plain(each)}" for name, each in found.penalty_adds.items()]
    said += ["", f"{'part of a step':<14} {'ms':>9} {'share':>7}"]
    said += [
        f"{name:<14} {each.median * 1e3:9.3f} {each.median / step:7.1%}"
        for name, each in found.parts.items()
    ]
    known = {key: value for key, value in found.versions.items() if value[0].isdigit()}
    said += [
        "",
        f"{found.machine['cpu']}, {found.machine['cores']} cores, {found.machine['accelerator']} "
        f"accelerator, {found.machine['system']}",
        ", ".join(f"{name} {version}" for name, version in known.items()),
    ]
    return said


def _ms(each: Spread) -> str:
    return f"{each.median * 1e3:9.2f} ms [{each.low * 1e3:.2f}, {each.high * 1e3:.2f}]"


def _plain(each: Spread) -> str:
    return f"{each.median:.3f} [{each.low:.3f}, {each.high:.3f}]"
