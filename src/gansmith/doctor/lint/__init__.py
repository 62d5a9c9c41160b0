"""The lint: what is wrong with a run before its first step.

A rule is a pure function of a `Patient` that yields findings of its own code. What cannot work at
all is known to `gansmith.tasks.soundness`, which refuses it at a run's start; here the same
conditions become findings, all at once.
"""

from collections.abc import Callable, Iterator

from gansmith.doctor.findings import Finding, gravest
from gansmith.doctor.lint import nets, objective, play, sources
from gansmith.doctor.lint.patient import Patient, admit
from gansmith.tasks import refusals

Rule = Callable[[Patient], Iterator[Finding]]

# What `refusals` yields; GS216 has a rule beside it, of augmentation.
UNSOUND: tuple[str, ...] = (
    "GS201",
    "GS202",
    "GS203",
    "GS204",
    "GS205",
    "GS206",
    "GS207",
    "GS208",
    "GS209",
    "GS210",
    "GS211",
    "GS212",
    "GS213",
    "GS214",
    "GS215",
    "GS216",
    "GS217",
    "GS218",
    "GS219",
    "GS250",
    "GS252",
)
LINT: dict[str, Rule] = {
    "GS216": sources.augmented_points,
    "GS220": objective.lazy_penalty,
    "GS221": objective.clip_and_penalty,
    "GS222": objective.finite_difference_step,
    "GS223": objective.gamma_far_off,
    "GS224": play.rate_far_off,
    "GS225": play.average_longer_than_run,
    "GS226": play.no_average,
    "GS227": sources.strong_augmentation,
    "GS228": sources.flips_what_has_sides,
    "GS229": play.tiny_batch,
    "GS230": play.few_groups,
    "GS231": nets.noise_too_narrow,
    "GS232": nets.noise_narrow,
    "GS233": nets.noise_too_wide,
    "GS234": nets.flattening_units,
    "GS235": nets.linear_net,
    "GS236": nets.selu_with_norm,
    "GS237": play.momentum_in_a_game,
    "GS238": objective.plain_descent_without_penalty,
    "GS239": objective.unheld_discriminator,
    "GS240": play.lopsided_steps,
    "GS241": play.lopsided_rates,
    "GS242": objective.saturating_loss,
    "GS243": objective.targets_too_soft,
    "GS244": objective.instance_noise_stays,
    "GS245": play.short_run,
    "GS246": play.half_precision_on_cpu,
    "GS247": nets.resolution_off_the_data,
    "GS248": nets.narrow_for_resolution,
    "GS249": objective.divergence_weight,
    "GS251": objective.unheld_content,
    "GS401": sources.too_few_samples,
    "GS402": sources.one_class,
    "GS403": sources.duplicates,
    "GS404": sources.constant_images,
    "GS405": sources.range_of_data,
    "GS406": sources.unlabelled,
    "GS407": sources.batch_larger_than_data,
    "GS408": sources.few_of_a_class,
    "GS409": sources.unlike_sides,
}


def lint(patient: Patient) -> list[Finding]:
    """All findings, the gravest first; the same one of the same place once."""
    found = [
        Finding(each.code, dict(each.values), where=each.where)
        for each in refusals(patient.cfg, patient.g, patient.d, patient.info)
    ]
    found += [finding for rule in LINT.values() for finding in rule(patient)]
    return gravest({(each.code, each.where): each for each in found}.values())


__all__ = ["LINT", "UNSOUND", "Patient", "Rule", "admit", "lint"]
