/* Trained networks of the store by name. */
#ifndef WN_RUN_STORED_NETWORK_H
#define WN_RUN_STORED_NETWORK_H

#include "winnow/experiment.h"

/* A stage that has trained. Texts in memory of wn__alloc. */
typedef struct wn__stored_network {
    char *identity, *label, *folder;
} wn__stored_network;
void wn__stored_network_release(wn__stored_network *s); /* accepts a zeroed one */

/* Among the stages of the experiment, or of the whole store (NULL). WN_ENOTFOUND names the nearest label; several stages of one label, a stage that is not
 * done or does not train: WN_EUSAGE. */
wn_status wn__store_find_network(const char *out, const char *experiment, const char *name, wn__stored_network *found);

#endif
