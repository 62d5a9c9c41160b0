"""What D and G minimise: losses, targets, noise on the samples, penalties, likelihoods."""

from collections.abc import Iterator

from gansmith.doctor.findings import Finding, Values
from gansmith.doctor.lint.patient import Patient, brief
from gansmith.losses import LOSSES
from gansmith.recipes.automatic import PLAIN_STEPS

# A slope of probabilities is at most 1/4 of that of their logits, and γ weighs its square.
PROBABILITY_SCALE = 16.0
FAR_GAMMA = 100.0
LAZIEST = 16  # steps: Karras et al. 2020a, section 4
FLIPPED, SMOOTHED = 0.2, 0.3
NOISE_LEFT, NOISE_MOST = 0.05, 1.0  # standard deviations, where the range of samples is 2
DIFFERENCE_LEAST, DIFFERENCE_MOST = 1e-4, 0.3
BETA_LEAST, BETA_MOST = 0.01, 20.0


def clip_and_penalty(patient: Patient) -> Iterator[Finding]:
    """Clipped weights cannot follow where a penalty draws the slope. Gulrajani et al. 2017, 3."""
    cfg = patient.cfg
    if patient.sloped and cfg.optim.clip:
        values: Values = {"clip": cfg.optim.clip, "penalty": cfg.penalty.name}
        yield Finding("GS221", values, where="optim.clip")


def lazy_penalty(patient: Patient) -> Iterator[Finding]:
    """Between two lazy penalties D is free. Karras et al. 2020a, section 4, go to 16 steps."""
    every = patient.cfg.penalty.every
    if patient.sloped and every > LAZIEST:
        yield Finding("GS220", {"every": every, "most": LAZIEST}, where="penalty.every")


def finite_difference_step(patient: Patient) -> Iterator[Finding]:
    """(D(x + σε) − D(x))/σ is rounding at small σ, and no slope at large. Lin et al. 2025, (4)."""
    penalty = patient.cfg.penalty
    if not patient.sloped or penalty.method != "finite-difference":
        return
    if not DIFFERENCE_LEAST <= penalty.sigma <= DIFFERENCE_MOST:
        values: Values = {
            "sigma": penalty.sigma,
            "least": DIFFERENCE_LEAST,
            "most": DIFFERENCE_MOST,
        }
        yield Finding("GS222", values, where="penalty.sigma")


def gamma_far_off(patient: Patient) -> Iterator[Finding]:
    """γ against that of the recipes, which grows with the pixels (Karras et al. 2020b)."""
    if not patient.sloped:
        return
    gamma, usual = float(patient.cfg.penalty.gamma), float(patient.usual.penalty.gamma)
    if LOSSES[patient.cfg.loss].judges == "probabilities":
        usual *= PROBABILITY_SCALE
    ratio = gamma / usual
    if max(ratio, 1 / ratio) >= FAR_GAMMA:
        values: Values = {"gamma": gamma, "usual": brief(usual), "ratio": brief(ratio)}
        yield Finding("GS223", values, where="penalty.gamma", certainty=0.8)


def unheld_discriminator(patient: Patient) -> Iterator[Finding]:
    """Without a penalty the game need not converge. Mescheder et al. 2018, sections 2 and 4."""
    cfg = patient.cfg
    held = cfg.optim.clip or patient.d.spectral or cfg.penalty.lecam or cfg.penalty.consistency
    if not patient.game or patient.sloped or held or cfg.instance_noise.sigma:
        return
    name = cfg.optim.name
    values: Values = {
        "penalty": cfg.penalty.name,
        "gamma": float(cfg.penalty.gamma),
        "optimiser": name,
    }
    if name not in PLAIN_STEPS or name == "optimistic":
        yield Finding("GS239", values, where="penalty.name", certainty=0.6)


def plain_descent_without_penalty(patient: Patient) -> Iterator[Finding]:
    """Gradient steps circle around an equilibrium, or leave it. Mescheder et al. 2018, lemma 2.3.

    They approach it where D is held by a penalty, or where the steps look ahead.
    """
    cfg = patient.cfg
    circling = cfg.optim.name in ("sgd", "momentum", "nesterov")
    ahead = cfg.optim.play == "extragradient" or cfg.optim.lookahead
    held = cfg.instance_noise.sigma or cfg.penalty.lecam or cfg.penalty.consistency
    if patient.game and circling and not (patient.sloped or ahead or held):
        values: Values = {
            "optimiser": cfg.optim.name,
            "play": cfg.optim.play,
            "penalty": cfg.penalty.name,
        }
        yield Finding("GS238", values, where="optim.name", certainty=0.8)


def saturating_loss(patient: Patient) -> Iterator[Finding]:
    """log(1 − D) is flat where D is sure. Goodfellow et al. 2014, section 3."""
    if patient.game and patient.cfg.loss in ("minimax", "f-js"):
        yield Finding("GS242", {"loss": patient.cfg.loss}, where="loss")


def targets_too_soft(patient: Patient) -> Iterator[Finding]:
    """What D is told is wrong so often that little is left. Salimans et al. 2016, section 3.4."""
    told = patient.cfg.targets
    if patient.game and (told.flip > FLIPPED or told.smooth > SMOOTHED):
        values: Values = {
            "smooth": told.smooth,
            "flip": told.flip,
            "most_smooth": SMOOTHED,
            "most_flip": FLIPPED,
        }
        yield Finding("GS243", values, where="targets")


def instance_noise_stays(patient: Patient) -> Iterator[Finding]:
    """Noise that D always sees is noise that G may leave. Sønderby et al. 2017, section 3.3."""
    noise = patient.cfg.instance_noise
    left = noise.sigma * noise.final_ratio
    if patient.game and (left > NOISE_LEFT or noise.sigma > NOISE_MOST):
        values: Values = {
            "sigma": noise.sigma,
            "left": left,
            "least": NOISE_LEFT,
            "most": NOISE_MOST,
        }
        yield Finding("GS244", values, where="instance_noise")


def divergence_weight(patient: Patient) -> Iterator[Finding]:
    """β far from 1: no prior to draw from, or nothing coded. Higgins et al. 2017, section 4.2."""
    cfg = patient.cfg
    if cfg.task in ("vae", "vae-gan") and not BETA_LEAST <= cfg.vae.beta <= BETA_MOST:
        values: Values = {"beta": cfg.vae.beta, "least": BETA_LEAST, "most": BETA_MOST}
        yield Finding("GS249", values, where="vae.beta")


def unheld_content(patient: Patient) -> Iterator[Finding]:
    """D alone lets all inputs become one output. Zhu et al. 2017, section 1.

    That pictures of the target side stay as they are (``translation.identity``) says nothing of
    those that are to be translated: it is the first of both terms of Park et al. 2020, equation
    (5), that ties an output to its input.
    """
    cfg, told = patient.cfg, patient.cfg.translation
    held = told.nce if told.method == "contrastive" else told.cycle
    if cfg.task == "unpaired" and not held:
        values: Values = {"method": told.method}
        if told.method == "contrastive":
            values |= {"nce": told.nce, "identity": told.identity}
        else:
            values["cycle"] = told.cycle
        yield Finding("GS251", values, where="translation")
