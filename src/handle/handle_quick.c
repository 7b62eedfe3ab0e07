/* Dense networks on few samples have two ways: as all others, which is oneDNN on one thread, or on the sparse backend's device for few samples, whose work
 * threads share. The faster one is measured when a number of samples first comes. */
#include "base/log.h"
#include "handle/handle.h"

#define LONG_SECONDS 0.02 /* of a prediction: one timing says enough */
enum { ROUNDS = 3, MOST = sizeof((wn__quick *)0)->verdict / sizeof *((wn__quick *)0)->verdict - 1 };

/* Its weights are what parameters store. */
static bool is_plain(const wn__params *params)
{
    for (int i = 0; i < params->count; i++)
        if (params->item[i].mask || params->item[i].pattern || params->item[i].map) return false;
    return true;
}

static wn_status start(wn_network *net)
{
    const wn__executor_options how = {.batch = MOST, .plans = MOST};
    wn__device *device;
    if (net->quick.net.ex) return WN_OK;
    WN_TRY(wn__devices_get(&net->devices, net->machine.sparse, net->dtype, &device));
    net->quick.net = wn__network_over(net->net.graph, &net->net.params);
    return wn__network_start(&net->quick.net, device, &how);
}

/* Both take turns; the least time of each counts. The first round warms up: weights are packed in it. */
static wn_status measure(wn_network *net, const float *x, int64_t n, float *y, bool *faster)
{
    wn__executor *const side[] = {net->net.ex, net->quick.net.ex};
    double least[2] = {0};
    for (int round = 0; round <= ROUNDS && !(round > 1 && least[0] + least[1] > LONG_SECONDS); round++)
        for (int i = 0; i < 2; i++) {
            const double begin = wn__seconds();
            WN_TRY(wn__executor_infer(side[i], x, n, (wn__step_info){0}, y));
            const double taken = wn__seconds() - begin;
            if (round < 2 || taken < least[i]) least[i] = taken;
        }
    *faster = least[1] < least[0];
    return WN_OK;
}

static bool is_wanted(const wn__quick *q)
{
    for (int n = 1; n <= MOST; n++)
        if (q->verdict[n] == WN__QUICK_FASTER) return true;
    return false;
}

static wn_status judge(wn_network *net, const float *x, int64_t n, float *y)
{
    wn__quick *q = &net->quick;
    bool faster;
    WN_TRY(start(net));
    WN_TRY(measure(net, x, n, y, &faster));
    q->verdict[n] = faster ? WN__QUICK_FASTER : WN__QUICK_SLOWER;
    if (!is_wanted(q)) wn__network_stop(&q->net);
    return WN_OK;
}

wn_status wn__handle_executor(wn_network *net, const float *x, int64_t n, float *y, wn__executor **out)
{
    wn__quick *q = &net->quick;
    *out = net->net.ex;
    if (!net->devices.dense || n > MOST || net->device->backend != net->devices.dense || !is_plain(&net->net.params)) return WN_OK;
    if (q->verdict[n] == WN__QUICK_UNKNOWN) WN_TRY(judge(net, x, n, y));
    if (q->verdict[n] == WN__QUICK_SLOWER) return WN_OK;
    WN_TRY(start(net));
    *out = q->net.ex;
    return WN_OK;
}
