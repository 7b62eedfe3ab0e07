/* Masks by a recipe's section `mask` over the weights of one network: what mask stages and `winnow prune` do. */
#ifndef WN_RUN_PRUNING_H
#define WN_RUN_PRUNING_H

#include "data/samples.h"
#include "run/context.h"

typedef struct wn__pruning {
    const wn__mask_section *section; /* borrowed */
    double sparsity;
    uint64_t seed; /* of scores, random bases, drawn counts and shuffles */
    bool third;    /* of a world: scored on the sample that is in neither */
} wn__pruning;

/* Selected weights become coefficients of the section's basis; file: as wn__basis_use has it. */
wn_status wn__pruning_enter_basis(const wn__recipe *r, const wn__mask_section *section, uint64_t seed, const wn__safetensors *file,
                                  wn__params *params);
/* Weights and masks of a network's file; coefficients with their masks where the section has a basis, exactly those of the file if that is its basis. */
wn_status wn__pruning_read(const wn__recipe *r, const wn__pruning *p, const wn__safetensors *file, wn__params *params);

/* What scores are computed with and of. */
typedef struct wn__scorer {
    const wn__machine *machine;
    wn__devices *devices;
    const wn__labelled *samples; /* where the score looks at images, else NULL */
    const wn_stop *stop;         /* may be NULL */
} wn__scorer;
/* Masks by the score of what params hold, whole units, or ranks, as the section says. Of the recipe the graph counts.
 * result may be NULL; else score_flops, or units and units_left, are put into it. */
wn_status wn__pruning_run(const wn__recipe *r, const wn__pruning *p, const wn__scorer *scorer, wn__params *params, json_t *result);

/* That of a context, with images of its data where the score needs some. Release also after a failure. */
typedef struct wn__context_scorer {
    wn__samples samples;
    wn__labelled labelled;
    wn__scorer scorer; /* samples points into the struct, which stays where it is */
} wn__context_scorer;
wn_status wn__context_scorer_open(wn__context *c, const wn__pruning *p, wn__context_scorer *out);
void wn__context_scorer_release(wn__context_scorer *s);
/* As many as the masks leave, but others. */
wn_status wn__pruning_shuffle(const wn__recipe *r, const wn__pruning *p, wn__params *params);

#endif
