/* Every recipe under examples/ is read, resolved and expanded; its stages have labels of their own, and all are read. */
#include "plan/agenda.h"

#include <unistd.h>

#include "base/alloc.h"
#include "base/files.h"
#include "plans.h"
#include "test.h"

#define EXAMPLES WN_TEST_SOURCE "/../examples"

static bool has_everything(void)
{
    const char *name;
    return wn__backend_find("onednn") && wn__basis_library(WN__BASIS_DCT, &name) == WN_OK &&
           wn__basis_library(WN__BASIS_SVD, &name) == WN_OK;
}

/* Stages of a recipe; its own short-comings fail the test. 0: it names what this build lacks. */
static int expand_file(const char *path)
{
    wn__recipe *recipe = NULL;
    wn__agenda *plan = NULL;
    wn__machine machine;
    wn__text resolved = {0};
    const wn__recipe_source source = {.path = path};
    const wn_status read = wn__recipe_read(&source, &recipe);
    if (read != WN_OK && strstr(wn_error_message(), "which is not in this build")) return 0; /* a library of its bases */
    CHECK_OK(read);
    CHECK_OK(wn__machine_choose(recipe->top.backend, (wn__dtype)recipe->top.dtype, 1, &machine));
    const wn_status status = wn__agenda_make(recipe, &machine, &plan);
    if (!wn__backend_find("onednn") && status == WN_EUSAGE && strstr(wn_error_message(), "\"onednn\" is not in this build")) {
        wn__recipe_free(recipe);
        return 0;
    }
    CHECK_OK(status);
    CHECK_OK(wn__recipe_write(recipe, &resolved));
    const int stages = plan->stages;
    check_plan(plan);
    wn__text_release(&resolved);
    wn__agenda_free(plan);
    wn__recipe_free(recipe);
    return stages;
}

static int expand_folder(const char *folder)
{
    char **names, path[1024];
    int count, recipes = 0;
    CHECK_OK(wn__list_folder(folder, &names, &count));
    for (int i = 0; i < count; i++) {
        const size_t length = strlen(names[i]);
        if (length < 5 || strcmp(names[i] + length - 5, ".yaml") != 0) continue;
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        const int stages = expand_file(path);
        printf("  %s: %d stages\n", names[i], stages);
        CHECK(stages > 1 || (stages == 0 && !has_everything()));
        recipes++;
    }
    wn__free_names(names, count);
    return recipes;
}

TEST(every_example_expands) { CHECK(expand_folder(EXAMPLES) >= 8); }
TEST(every_paper_expands) { CHECK(expand_folder(EXAMPLES "/papers") >= 12); }

int main(int argc, char **argv)
{
    if (chdir(WN_TEST_SOURCE "/..") != 0) return 1; /* recipes name files from the project's root */
    static const wn_test tests[] = {RUN(every_example_expands), RUN(every_paper_expands), {0}};
    return wn_test_main(argc, argv, tests);
}
