"""The signs: what is measured of a game at one step, by name, whoever plays it.

Our own loop (`gansmith.doctor.monitor`) and a stranger's (`gansmith.doctor.watch`) both fill them
in; `gansmith.doctor.diagnosis` reads them. A sign that could not be measured is absent: a rule
that needs it stays silent.
"""

Signs = dict[str, float]

# What D says is turned so that more means real; logits are taken as they are.
CHEAP: dict[str, str] = {
    "d_loss": "D's loss",
    "g_loss": "G's loss: its part in the game where it has others beside it",
    "d_real": "mean output of D on real samples",
    "d_fake": "mean output of D on generated samples",
    "d_spread": "standard deviation of D's outputs over both",
    "acc_real": "share of real samples that D puts on the real side of its boundary",
    "acc_fake": "share of generated samples that D puts on the other side",
    "acc_pairs": "share of pairs (x, G(z)) in which D ranks the real one higher: 1/2 is a tie",
    "grad_D": "norm of the gradient of D's weights in D's step",
    "grad_G": "norm of the gradient of G's weights in G's step",
    "weight_D": "norm of D's weights",
    "weight_G": "norm of G's weights",
    "update_D": "norm of D's last step over the norm of its weights",
    "update_G": "norm of G's last step over the norm of its weights",
    "slope_real": "mean norm of dD/dx on real samples",
    "slope_fake": "mean norm of dD/dx on generated samples",
    "nonfinite": "how many of the signals, gradients and weights are not finite",
}
DEAR: dict[str, str] = {
    "acc_held": "as acc_real, on real samples that were held out of training",
    "d_held": "as d_real, on held-out real samples",
    "grad_at_output": "mean norm of dL_G/dG(z) of a sample",
    "grad_G_first": "norm of the gradient of G's first layer over that of its last",
    "surprise_D": "root mean square of |g| over Adam's running root of g squared, of D",
    "surprise_G": "the same of G",
    "sigma_D": "largest singular value of D's layers",
    "sigma_G": "largest singular value of G's layers",
    "dead_D": "share of D's hidden units that are dead",
    "dead_G": "share of G's hidden units that are dead",
    "dead_layer_D": "the largest share of dead units in one of D's hidden layers",
    "dead_layer_G": "the largest share of dead units in one of G's hidden layers",
    "saturated_D": "share of D's hidden units that are saturated",
    "saturated_G": "share of G's output values that are saturated",
    "diversity": "mean distance of two generated samples over that of two real ones, in features",
    "duplicates": "share of generated samples nearer to another than real ones ever are",
    "noise_share": "variance of G's output over noise, over that of real samples",
    "precision": "share of generated samples within the real manifold",
    "recall": "share of real samples within the generated manifold",
    "coverage": "share of real samples with a generated one in their neighbourhood",
    "modes": "share of classes or modes of the data that are drawn",
    "intra_diversity": "diversity within a class or cluster over that of the real ones of it",
    "copies": "share of generated samples nearer to a training sample than held-out ones are",
    "leaked": "share of held-out samples that stand in the training data too",
    "moved": "distance that the fixed-noise samples moved since the last look, over their spread",
    "turned": "cosine of the last two displacements of the mean features: −1 is back and forth",
    "spectrum_high": "log10 of power in the upper half of the frequencies over that of real images",
    "checkerboard": "log10 of power at half the sampling rate over that of real images",
    "low_fake": "0.1 % quantile of generated values",
    "high_fake": "99.9 % quantile of generated values",
    "low_real": "0.1 % quantile of real values, as D sees them",
    "high_real": "99.9 % quantile of real values, as D sees them",
    "hole_detail": "deviation of values within a filling over that of what had been in the hole",
    "hole_tone": "deviation of the fillings' means from picture to picture, over the same",
    "heeded": "distance of two outputs of other inputs and the same noise over that of two targets",
    "own_target": "of pairs, distance of outputs from their own targets over that from others'",
    "own_chance": "how low own_target goes by chance, where outputs have nothing to do with them",
    "changed": "distance of outputs from their inputs over that of two inputs, or input and target",
    "sides_apart": "energy distance of both sides' manners over what chance reaches",
    "nearer": "share of the way from the inputs to the target side that outputs have gone",
    "tint": "largest shift of a channel's mean from the targets' over its deviation among pictures",
    "tint_grey": "shift of the mean from that of the target pictures, as a share of the range",
    "tint_red": "the same of red",
    "tint_green": "the same of green",
    "tint_blue": "the same of blue",
}
SIGNS: dict[str, str] = CHEAP | DEAR
