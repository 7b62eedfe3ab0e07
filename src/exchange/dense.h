/* The dense form of a network, which several formats write: every tensor in its shape, zeros included. Without masks these are the tensors of the network and those that its file had beside
 * them, so that PyTorch loads them with strict=True; with masks the file is what a compressed one stands for. */
#ifndef WN_EXCHANGE_DENSE_H
#define WN_EXCHANGE_DENSE_H

#include "exchange/format.h"

/* `write` is called with all that the file is to hold. Of `how` masks and values count. */
wn_status wn__dense_write(const wn__exported *network, const wn__export_how *how, const char *path,
                          wn_status (*write)(wn__st_writer *w, const char *path));

#endif
