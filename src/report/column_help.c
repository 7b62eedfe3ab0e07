#include "report/column_help.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* A head that ends with a blank here stands for all that begin so. */
static const struct {
    const char *head, *help;
} helps[] = {
    {"method", "Row of the recipe: how the sparse network is found and trained."},
    {"sparsity", "Part of the prunable weights that are zero, as the recipe asks for it."},
    {"n", "Number of seeds."},
    {"seed", "Of initialisation and order of the data."},
    {"last epoch", "Test data, at the end of training: the number to compare. Mean over seeds."},
    {"±95 %", "Half-width of the 95 % interval by Student's t, over seeds."},
    {"sd", "Sample standard deviation over seeds (n − 1)."},
    {"best val.", "Test data, at the epoch that was best on validation data."},
    {"validation", "Validation data, at the end of training."},
    {"parameters", "Numbers that are stored: weights that are left, and everything that is not pruned."},
    {"bytes", "Of stored values and of the pattern that says where they stand."},
    {"FLOPs an image", "Of one forward pass: 2 per multiply-add of convolutions and linear layers."},
    {"of dense", "FLOPs of a forward pass over those of the dense network."},
    {"FLOPs stage", "Of this training alone, 2 per multiply-add; a backward pass counts as two forward passes."},
    {"of dense training", "FLOPs of this training over those of the dense network on as many images."},
    {"FLOPs total", "Of all training that this row needed: the dense run, all rounds, its share of the teacher."},
    {"teacher images", "Forward passes of the teacher for soft labels, shared by the rows that use them."},
    {"seconds", "As this training took, on whatever else the machine did meanwhile."},
    {"seconds total", "As all training took that this row needed."},
    {"measured", "Seconds of this training by winnow time: steps of all rows timed in turns."},
    {"measured total", "The same of all training that this row needed."},
    {"measured on", "Backend of this training there; of a dense network the one that trains it faster."},
    {"epochs", "Of this training."},
    {"steps", "Updates of the weights in this training."},
    {"from ", "Difference from that method of the same seed, at the same sparsity; dense has one cell. Mean over seeds."},
    {"better", "Supported: the whole interval says better. Contradicted: at 0 or worse. Undecided: neither."},
    {"same", "Supported: the whole interval lies within the margin, with five seeds or more."},
    {"by interval", "Largest sparsity at which the whole interval lies within the margin, with five seeds or more."},
    {"by mean alone", "Largest sparsity at which the mean lies within the margin: no evidence."},
    {"density", "Part of the prunable weights that is left: 1 − sparsity."},
    {"compression", "1 / density."},
    {"reached, selected", "Sparsity over the tensors that may be pruned."},
    {"reached, network", "Sparsity over the whole network."},
    {"rounds", "Prunings made, one after the other."},
    {"pruned", "Test data, straight after pruning, before any retraining."},
    {"pruned, new BN", "The same with batch-norm statistics measured anew."},
    {"within ", "Sparsity at which a method came so near to dense with the fewest FLOPs in all."},
    {"FLOPs", "Those FLOPs over the ones of the dense run."},
    {"T", "Temperature of the soft labels."},
    {"α", "Weight of the soft labels beside the hard ones, before averaging."},
    {"KL averaged over", "Batch and classes (kl: mean, as in the paper) or the batch alone (kl: batchmean, as usual)."},
    {"KL weight a sample", "What the divergence of one sample is multiplied by: α T² and the averaging."},
    {"gradient scale", "Size of its gradient at the logits: α T and the averaging."},
    {"smoothing", "Share of a smoothed label that is spread over all classes."},
    {"claim", "What the recipe set out to find, before its runs."},
    {"difference", "First less second, paired by seed. Mean over seeds."},
    {"verdict", "Supported, contradicted or undecided, by the interval and the margin."},
    {"worst class", "The class of which the fewest test samples are taken for what they are. All seeds together."},
    {"right, %", "Part of its test samples that are taken for what they are."},
    {"furthest below dense", "The class that lost most against the dense network."},
    {"points", "What it gained or lost."},
    {"most frequent mistake", "The two classes, by part of the test samples of the first."},
    {"of its class, %", "Part of the test samples of that class."},
    {"stage", "First digits of the cache key: the folder of this training."},
};

const char *wn__column_help(const char *head)
{
    for (size_t i = 0; i < sizeof helps / sizeof *helps; i++) {
        const size_t length = strlen(helps[i].head);
        const bool begins = helps[i].head[length - 1] == ' ';
        if (begins ? strncmp(head, helps[i].head, length) == 0 : strcmp(head, helps[i].head) == 0) return helps[i].help;
    }
    return NULL;
}
