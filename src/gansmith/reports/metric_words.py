"""What each score is called, which way is better, and what it means, for people."""

LOW, HIGH, ONE = "lower is better", "higher is better", "1 is like the real images"

METRICS = {
    "fd": (
        "Fréchet distance",
        LOW,
        "How far apart the features of generated and of real samples lie, each taken as one "
        "Gaussian. 0 means the same mean and the same spread.",
    ),
    "fid": (
        "FID",
        LOW,
        "Fréchet distance on the features of the FID Inception network.",
    ),
    "fd_inf": (
        "Fréchet distance at infinity",
        LOW,
        "The Fréchet distance that infinitely many generated samples would have: without the bias "
        "of a finite count.",
    ),
    "fid_inf": (
        "FID at infinity",
        LOW,
        "The FID that infinitely many generated samples would have.",
    ),
    "kid": (
        "Kernel distance",
        LOW,
        "How far apart the features lie by a cubic kernel (squared MMD), with no Gaussian assumed. "
        "0 means no difference found.",
    ),
    "mind": (
        "Sliced distance (MIND)",
        LOW,
        "How far generated features must be moved to become the real ones, averaged over many "
        "directions. Steady with few samples.",
    ),
    "is": (
        "Inception Score",
        HIGH,
        "How surely a classifier names each sample, and how evenly it uses its classes. At most "
        "the number of classes.",
    ),
    "precision": (
        "Precision",
        HIGH,
        "The share of generated samples that lie among the real ones: how often they look right.",
    ),
    "recall": (
        "Recall",
        HIGH,
        "The share of real samples that lie among the generated ones: how much of the data "
        "the generator can make.",
    ),
    "density": (
        "Density",
        HIGH,
        "How many real neighbourhoods a generated sample lies in, against what real ones do: "
        "1 is like real data.",
    ),
    "coverage": (
        "Coverage",
        HIGH,
        "The share of real samples with a generated one in their neighbourhood; real data reach "
        "about 97 %.",
    ),
    "vendi": (
        "Vendi score",
        "as the real images’ own is best",
        "The effective number of different kinds of samples among the generated ones.",
    ),
    "diversity": (
        "Diversity",
        ONE,
        "How unlike each other two generated images are, against two real ones. Well below 1 they "
        "repeat themselves.",
    ),
    "lpips": (
        "Diversity (LPIPS)",
        ONE,
        "The same by a distance that was fitted to what people see.",
    ),
    "ndb": (
        "Different bins",
        LOW,
        "The share of bins of the real data that generated samples fill too much or too little; "
        "chance alone gives 5 %.",
    ),
    "support": (
        "Support",
        HIGH,
        "About how many different samples the generator can make, judged by how soon two alike "
        "turn up.",
    ),
    "spectrum": (
        "Spectrum error",
        LOW,
        "How far the generated images’ power at each spatial frequency is from the real images’, "
        "in dB: blur and checkerboards show here.",
    ),
    "classes": (
        "Classes drawn",
        HIGH,
        "How many of the data’s classes the generator draws at a quarter of their real share or "
        "more, as a classifier sees them.",
    ),
    "confident": (
        "Confident",
        HIGH,
        "The share of generated images that the classifier is sure of (probability above 0.9): "
        "how often they look like something.",
    ),
    "class_kl": (
        "Class unevenness",
        LOW,
        "Kullback–Leibler divergence of the generated classes’ shares from the real ones, in nats. "
        "0 means that every class gets its share.",
    ),
    "copy_rate": (
        "Copies",
        LOW,
        "The share of generated images that lie implausibly near to one training image; real "
        "images that were held out give 1 %.",
    ),
    "c_t": (
        "Copying test",
        "about 0 is right",
        "Whether generated images lie nearer to the training data than held-out ones do. Far "
        "below 0 they are copied.",
    ),
    "modes": (
        "Modes found",
        HIGH,
        "How many of the mixture’s modes the generator reaches.",
    ),
    "high_quality": (
        "High quality",
        HIGH,
        "The share of points within three standard deviations of a mode; 98.9 % is the most "
        "that even the real distribution reaches.",
    ),
    "kl": (
        "Unevenness",
        LOW,
        "Kullback–Leibler divergence of the counts per mode from equal counts, in nats. "
        "0 means that every mode gets its share.",
    ),
    "psnr_hole": (
        "Error in the hole (PSNR)",
        HIGH,
        "How near each filled pixel is to the one that was cut out, in dB. A good filling need not "
        "be what was there: blur does well here.",
    ),
    "ssim_hole": (
        "Likeness in the hole (SSIM)",
        HIGH,
        "How alike the fine structure of the filling and of what was cut out is; 1 is the same.",
    ),
    "lpips_hole": (
        "Distance to the original (LPIPS)",
        LOW,
        "How different the completed picture looks from the original, by a distance that was "
        "fitted to what people see. 0 is the same.",
    ),
    "psnr": (
        "Error against the target (PSNR)",
        HIGH,
        "How near each pixel is to that of the picture it was to become, in dB. Of several good "
        "translations the target is one: blur does well here.",
    ),
    "ssim": (
        "Likeness to the target (SSIM)",
        HIGH,
        "How alike the fine structure of the translated picture and of its target is; 1 is the "
        "same.",
    ),
    "lpips_target": (
        "Distance to the target (LPIPS)",
        LOW,
        "How different the translated picture looks from its target, by a distance that was "
        "fitted to what people see. 0 is the same.",
    ),
}
SHARES = ("precision", "recall", "coverage", "confident", "high_quality")
PERCENT = ("confident", "high_quality", "copy_rate", "ndb")
"""Shares that are written as such."""
