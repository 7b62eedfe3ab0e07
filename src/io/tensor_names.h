/* Names and masks of tensors as other programs write them, made those of Winnow's files. */
#ifndef WN_IO_TENSOR_NAMES_H
#define WN_IO_TENSOR_NAMES_H

#include "io/safetensors.h"

/* In this order:
 *     parts that all names begin with ("module.", "model.", "_orig_mod.") are hidden, as long as names of two parts or more are left;
 *     <weight>_orig beside <weight>_mask, of torch.nn.utils.prune, is <weight>;
 *     masks of numbers 0 and 1 of any type are bytes, and what they leave out of a weight is 0.
 * What is hidden is told in the log. WN_EMISMATCH: a mask of other numbers. */
wn_status wn__tensor_names_settle(const char *label, wn__safetensors *file);

/* Renames tensors by a file of lines "pattern replacement": blanks between, # begins a comment, the first pattern that fits a name counts. A *
 * stands for any text; the replacement's * are filled with what the pattern's stood for, in order. A pattern that fits nothing is a warning. */
wn_status wn__tensor_names_map(const char *label, const char *names_file, wn__safetensors *file);
/* ... by its text, which is cut into words. */
wn_status wn__tensor_names_map_text(const char *label, const char *names_file, char *text, wn__safetensors *file);

#endif
