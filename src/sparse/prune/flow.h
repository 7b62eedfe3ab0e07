/* Synaptic flow (Tanaka, Kunin, Yamins, Ganguli 2020): what each weight carries when absolute values flow through the network.
 *
 * With the absolute values of all parameters, an image of ones, running statistics and ReLUs without an upper bound, R is the sum of the logits;
 *
 *     score(w) = |w dR/dw|
 *
 * No data is looked at. Without biases the scores of a layer that everything passes sum up to R, and what flows into a unit flows out of it.
 * All in double: R grows with depth beyond what float holds.
 */
#ifndef WN_SPARSE_PRUNE_FLOW_H
#define WN_SPARSE_PRUNE_FLOW_H

#include "base/threads.h"
#include "nn/graph_nodes.h"

/* score[i] (stored of weight i) where it is not NULL; masked weights are 0 and score 0. *total = R. Equal for any number of threads.
 * Compressed weights, and nodes that nothing is known of: WN_EUNSUPPORTED. */
wn_status wn__flow_scores(const wn_graph *graph, const wn__params *params, wn__pool *pool, double *const *score, double *total);

#endif
