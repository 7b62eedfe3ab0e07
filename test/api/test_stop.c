/* Two runs in one process are stopped apart. */
#include <pthread.h>
#include <stdatomic.h>

#include "tiny_recipe.h"
#include "winnow/lab.h"
#include "winnow/sweep.h"

typedef struct running {
    const char *recipe, *out;
    wn_stop *stop;
    int stop_at; /* progress call at which the run asks its own stop */
    atomic_int calls;
    atomic_int *other; /* waited for until it has been called too */
    wn_status status;
} running;

static void on_progress(void *user, const wn_progress *p)
{
    running *r = user;
    (void)p;
    if (atomic_fetch_add(&r->calls, 1) + 1 == r->stop_at) wn_stop_request(r->stop);
    for (int i = 0; r->other && atomic_load(r->other) == 0 && i < 5000; i++)
        usleep(1000);
}

static void *run(void *user)
{
    running *r = user;
    r->status = wn_experiment_run(
        &WN_OPTIONS(wn_run_options, .recipe = r->recipe, .out = r->out, .progress = on_progress, .user = r, .stop = r->stop), NULL);
    return NULL;
}

TEST(a_stop_ends_its_own_run_and_no_other)
{
    running stopped = {.recipe = tiny_recipe("one", ""), .out = scratch_path("stopped"), .stop = wn_stop_new(), .stop_at = 3};
    running other = {.recipe = tiny_recipe("two", ""), .out = scratch_path("other"), .stop = wn_stop_new(), .other = &stopped.calls};
    stopped.other = &other.calls;
    pthread_t thread;
    CHECK(stopped.stop && other.stop);
    CHECK(pthread_create(&thread, NULL, run, &stopped) == 0);
    run(&other);
    pthread_join(thread, NULL);
    CHECK_STATUS(stopped.status, WN_ESTOPPED);
    CHECK_EQ_INT(stopped.calls, 3);
    CHECK_OK(other.status);
    CHECK(!wn_stop_requested());
    wn_stop *again = wn_stop_new();
    CHECK_OK(wn_experiment_run(&WN_OPTIONS(wn_run_options, .recipe = stopped.recipe, .out = stopped.out, .stop = again), NULL));
    wn_stop_free(again);
    wn_stop_free(stopped.stop);
    wn_stop_free(other.stop);
    wn_stop_free(NULL);
}

/* Stops that were asked for before the call: each kind of work sees them. */
TEST(every_kind_of_long_work_can_be_stopped)
{
    static const char *const networks[] = {"dense seed 0", "lottery-ticket 62.5% seed 0"};
    const char *recipe = tiny_recipe("done", ""), *out = scratch_path("done"), *folder = scratch_path("done/done");
    const char *search = tiny_recipe("search", "sweep: {method: lottery-ticket, trials: 2, space: {train.lr.cosine.base: [0.01, 0.1]}}\n");
    char *text;
    wn_lab_result result = {0};
    wn_train_summary trained;
    CHECK_OK(wn_experiment_run(&WN_OPTIONS(wn_run_options, .recipe = recipe, .out = out), NULL));
    wn_stop *stop = wn_stop_new();
    wn_stop_request(stop);
    const wn_run_options run = {.size = sizeof run, .recipe = search, .out = out, .seeds = "1", .stop = stop};
    CHECK_STATUS(wn_experiment_run(&run, NULL), WN_ESTOPPED);
    CHECK_STATUS(wn_train(&run, 0, scratch_path("trained"), &trained), WN_ESTOPPED);
    CHECK_STATUS(wn_sweep_run(&WN_OPTIONS(wn_sweep_options, .run = &run), WN_SWEEP_TEXT, &text, NULL), WN_ESTOPPED);
    CHECK_STATUS(wn_experiment_time(folder, &WN_OPTIONS(wn_time_options, .rounds = 1, .stop = stop), NULL, NULL), WN_ESTOPPED);
    const wn_lab_options lab = {.size = sizeof lab, .networks = networks, .count = 2, .out = out, .stop = stop};
    CHECK_STATUS(wn_lab_interpolate(&WN_OPTIONS(wn_lab_interpolate_options, .lab = &lab), &result), WN_ESTOPPED);
    CHECK_STATUS(wn_lab_compare(&WN_OPTIONS(wn_lab_compare_options, .lab = &lab), &result), WN_ESTOPPED);
    const wn_stop *const asked = stop;
    wn_evaluation evaluation = {0};
    CHECK_OK(wn_train(&WN_OPTIONS(wn_run_options, .recipe = recipe), 0, scratch_path("trained"), &trained));
    CHECK_STATUS(wn_eval(&WN_OPTIONS(wn_eval_options, .weights = trained.weights, .stop = asked), &evaluation), WN_ESTOPPED);
    wn_prune_options prune = {
        .size = sizeof prune, .weights = trained.weights, .result = scratch_path("x"), .sparsity = "50%", .stop = asked};
    CHECK_STATUS(wn_prune(&prune, NULL), WN_ESTOPPED);
    CHECK(!wn__file_exists(scratch_path("x")));
    wn_stop_free(stop);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(a_stop_ends_its_own_run_and_no_other), RUN(every_kind_of_long_work_can_be_stopped), {0}};
    return scratch_test_main(argc, argv, tests);
}
