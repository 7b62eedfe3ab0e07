/* What the library leaves alone: memory that is not its own, and programs that fork. */
#include <pthread.h>
#include <stdatomic.h>

#include "base/threads.h"
#include "tiny_recipe.h"
#include "winnow/data.h"
#include "winnow/flops.h"
#include "winnow/graph.h"
#include "winnow/report.h"

/* ---- allocator */

typedef struct counting {
    atomic_llong given, returned, bytes;
} counting;

static void *count_allocate(void *user, size_t size)
{
    counting *c = user;
    char *memory = malloc(size);
    if (!memory) return NULL;
    memset(memory, 0xA5, size); /* it need not be zeroed */
    atomic_fetch_add(&c->given, 1);
    atomic_fetch_add(&c->bytes, (long long)size);
    return memory;
}

static void count_release(void *user, void *memory, size_t size)
{
    counting *c = user;
    memset(memory, 0x5A, size); /* whoever reads it later sees nonsense */
    free(memory);
    atomic_fetch_add(&c->returned, 1);
    atomic_fetch_sub(&c->bytes, (long long)size);
}

/* Something of everything. */
static void use_the_library(const char *store)
{
    wn_flops_result flops;
    CHECK_OK(wn_flops(&WN_OPTIONS(wn_flops_options, .model = "resnet8", .sparsity = "90%", .distribution = "erk"), &flops));
    wn_flops_release(&flops);
    CHECK_OK(wn_experiment_run(&WN_OPTIONS(wn_run_options, .recipe = tiny_recipe("tiny", ""), .out = store), NULL));
    char *text, folder[600];
    snprintf(folder, sizeof folder, "%s/tiny", store);
    CHECK_OK(wn_report_text(folder, WN_REPORT_TEXT, NULL, &text));
    wn_text_free(text);
    CHECK_OK(wn_report_write(folder, NULL, NULL));
    CHECK_STATUS(wn_experiment_run(&WN_OPTIONS(wn_run_options, .recipe = scratch_path("missing.yaml"), .out = store), NULL), WN_ENOTFOUND);
}

TEST(all_memory_comes_from_the_callers_allocator_and_goes_back)
{
    counting c = {0};
    const wn_allocator allocator = {.size = sizeof allocator, .allocate = count_allocate, .release = count_release, .user = &c};
    CHECK_OK(wn_set_allocator(&allocator));
    use_the_library(scratch_path("counted"));
    CHECK(c.given > 1000);
    CHECK_EQ_INT(c.given, c.returned);
    CHECK_EQ_INT(c.bytes, 0);
    CHECK_OK(wn_set_allocator(NULL)); /* nothing is held, so it can be taken back */
    use_the_library(scratch_path("plain"));
    CHECK_EQ_INT(c.given, c.returned);
    check_same_file(scratch_path("counted"), scratch_path("plain"), "tiny/resolved.yaml");
}

TEST(an_allocator_is_refused_while_memory_is_held)
{
    counting c = {0};
    const wn_allocator allocator = {.size = sizeof allocator, .allocate = count_allocate, .release = count_release, .user = &c};
    wn_graph *g = wn_graph_new("held", 3, 8, 8);
    CHECK_STATUS(wn_set_allocator(&allocator), WN_EINVAL);
    CHECK_HAS_TEXT(wn_error_message(), "holds 2 blocks of memory");
    CHECK_STATUS(wn_set_allocator(NULL), WN_EINVAL);
    wn_graph_free(g);
    CHECK_EQ_INT(c.given, 0);
    CHECK_STATUS(wn_set_allocator(&WN_OPTIONS(wn_allocator, .allocate = count_allocate)), WN_EINVAL);
    CHECK_HAS_TEXT(wn_error_message(), "one of allocate and release is missing");
    CHECK_OK(wn_set_allocator(&allocator));
    g = wn_graph_new("counted", 3, 8, 8);
    CHECK_EQ_INT(c.given, 2);
    wn_graph_free(g);
    CHECK_EQ_INT(c.returned, 2);
}

/* ---- fork */

enum { CHUNKS = 100 };

static void square(void *arg, int64_t chunk, int worker)
{
    int64_t *out = arg;
    (void)worker;
    out[chunk] = chunk * chunk;
}

static bool squares_are_right(wn__pool *pool)
{
    int64_t out[CHUNKS] = {0};
    wn__parallel_for(pool, CHUNKS, square, out);
    for (int64_t i = 0; i < CHUNKS; i++)
        if (out[i] != i * i) return false;
    return true;
}

/* Exit code of a child that does `work`, or -1 if it had to be ended: a thread that is waited for does not exist there. */
static int in_child(bool (*work)(void *), void *user)
{
    fflush(NULL);
    const pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        alarm(60);
        _exit(work(user) ? 0 : 1);
    }
    int how;
    CHECK(waitpid(pid, &how, 0) == pid);
    return WIFEXITED(how) ? WEXITSTATUS(how) : -1;
}

static bool use_and_free_pool(void *user)
{
    wn__pool *pool = user;
    const bool right = squares_are_right(pool);
    wn__pool_free(pool);
    return right;
}

TEST(a_child_works_alone_where_its_parent_had_threads)
{
    wn__pool *pool;
    CHECK_OK(wn__pool_new(3, &pool));
    CHECK(squares_are_right(pool));
    CHECK_EQ_INT(in_child(use_and_free_pool, pool), 0);
    CHECK(squares_are_right(pool));
    wn__pool_free(pool);
}

static bool run_recipe(void *user)
{
    return wn_experiment_run(&WN_OPTIONS(wn_run_options, .recipe = tiny_recipe("tiny", ""), .out = user, .threads = 2, .force = true),
                             NULL) == WN_OK;
}

TEST(a_child_can_use_the_library_as_its_parent_did)
{
    char parent[512], child[512];
    snprintf(parent, sizeof parent, "%s", scratch_path("parent"));
    snprintf(child, sizeof child, "%s", scratch_path("child"));
    CHECK(run_recipe(parent));
    CHECK_EQ_INT(in_child(run_recipe, child), 0);
    check_same_file(parent, child, "tiny/resolved.yaml");
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(all_memory_comes_from_the_callers_allocator_and_goes_back),
                                    RUN(an_allocator_is_refused_while_memory_is_held),
                                    RUN(a_child_works_alone_where_its_parent_had_threads),
                                    RUN(a_child_can_use_the_library_as_its_parent_did),
                                    {0}};
    return scratch_test_main(argc, argv, tests);
}
