/* The lists `augment` and `evaluate` of recipes: what they say, how they are written, what the network sees. */
#include "base/alloc.h"
#include "recipe/recipe.h"
#include "test.h"

static wn_status read_changed(const char *const *set, int sets, wn__recipe **r)
{
    static const char *const text = "data: {set: shapes, train: 200, test: 60, validation: last-40}\n"
                                    "model: {arch: resnet20}\n"
                                    "train: {epochs: 3, batch: 32}\n"
                                    "compare: {methods: [dense], sparsity: [0%], seeds: 0}\n";
    const wn__recipe_source source = {.text = text, .label = "recipe", .set = set, .sets = sets};
    return wn__recipe_read(&source, r);
}

static wn__recipe *good(const char *first, const char *second)
{
    wn__recipe *r = NULL;
    CHECK_OK(read_changed((const char *const[]){first, second}, second ? 2 : 1, &r));
    return r;
}

static void check_refused(const char *first, const char *second, const char *want)
{
    wn__recipe *r = NULL;
    CHECK_STATUS(read_changed((const char *const[]){first, second}, second ? 2 : 1, &r), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), want);
}

TEST(lists_of_names_alone_stay_what_they_were)
{
    static const char *const old[] = {"data.augment=[pad-crop-4, flip]", "data.augment=[flip, pad-crop-4, none]", "data.augment=standard"};
    for (size_t i = 0; i < sizeof old / sizeof *old; i++) {
        wn__recipe *r = good(old[i], NULL);
        wn__text text = {0};
        CHECK(r->data.augment.pad == 4 && r->data.augment.flip && !r->data.augment.reflect);
        CHECK(r->data.transforms.count == 0 && r->data.fit.count == 0);
        CHECK_OK(wn__recipe_write_data(r, &text));
        CHECK_HAS_TEXT(text.data, "augment: [pad-crop-4, flip]\n");
        CHECK(strstr(text.data, "evaluate:") == NULL);
        wn__text_release(&text);
        wn__recipe_free(r);
    }
}

TEST(entries_have_settings_in_short_and_in_full)
{
    wn__recipe *r = good("data.augment=[pad-crop-3-reflect, {flip: 0.25}, {random-erasing: {scale: [0.1, 0.2]}}, {mixup: }]",
                         "data.evaluate={resize: [32, 32]}");
    wn__text text = {0};
    CHECK_EQ_INT(r->data.transforms.count, 4);
    wn__transforms_write(&r->data.transforms, &text);
    CHECK_EQ_TEXT(text.data, "[{pad-crop: {pad: 3, reflect: true}}, {flip: {p: 0.25}}, "
                             "{random-erasing: {p: 0.5, scale: [0.1, 0.2], ratio: [0.3, 3.3], value: zero}}, {mixup: {alpha: 0.2}}]");
    CHECK_EQ_INT(r->data.fit.count, 1);
    CHECK(wn__augment_is_none(&r->data.augment));
    wn__text_release(&text);
    wn__recipe_free(r);
}

TEST(the_network_sees_the_size_that_lists_end_in)
{
    wn__recipe *r = good("data.augment=[{random-resized-crop: {size: 24}}, flip]", "data.evaluate=[{resize: 28}, {center-crop: 24}]");
    CHECK(r->graph->h == 24 && r->graph->w == 24 && wn__recipe_input(r).h == 24);
    wn__recipe_free(r);
    r = good("data.evaluate=[{resize: [40, 36]}]", NULL);
    CHECK(r->graph->h == 40 && r->graph->w == 36);
    wn__recipe_free(r);
    r = good("data.augment=[{resize: 48}, flip]", NULL); /* evaluation covers that size */
    CHECK(r->graph->h == 48 && r->graph->w == 48);
    wn__recipe_free(r);
    check_refused("data.augment=[{random-resized-crop: 24}]", "data.evaluate=[{center-crop: 28}]",
                  "data.augment gives 24 x 24 pixels and data.evaluate 28 x 28; a network sees one size");
    check_refused("data.augment=[{resize: 40}, flip]", "data.evaluate=[{resize: 36}]", "gives 40 x 40 pixels and data.evaluate 36 x 36");
}

TEST(presets_say_both)
{
    wn__recipe *r = good("data.augment=imagenet", NULL);
    wn__text text = {0};
    CHECK_OK(wn__recipe_write_data(r, &text));
    CHECK_HAS_TEXT(text.data,
                   "augment: [{random-resized-crop: {size: 224, scale: [0.08, 1], ratio: [0.75, 1.3333333333333333], interpolation: "
                   "bilinear}}, {flip: {p: 0.5}}]\n");
    CHECK_HAS_TEXT(text.data, "evaluate: [{resize: {size: 256, interpolation: bilinear}}, {center-crop: {size: 224}}]\n");
    CHECK(r->graph->h == 224);
    wn__text_release(&text);
    wn__recipe_free(r);
    r = good("data.augment=imagenet", "data.evaluate=[{resize: 240}, {center-crop: 224}]");
    CHECK_NEAR(((const wn__numbers *)r->data.fit.item[0].config)->value[0], 240, 0, 0);
    wn__recipe_free(r);
}

TEST(a_resolved_recipe_with_lists_reads_back_to_the_same)
{
    wn__text whole = {0}, first = {0}, second = {0};
    wn__recipe *r = good("data.augment=[{random-resized-crop: 32}, {normalize: {mean: 0.5, std: [0.25, 0.25, 0.2]}}, cutmix]",
                         "data.evaluate=[{resize: 36}, {center-crop: 32}]");
    CHECK_OK(wn__recipe_write(r, &whole));
    CHECK_OK(wn__recipe_write_data(r, &first));
    wn__recipe_free(r);
    const wn__recipe_source source = {.text = whole.data, .label = "resolved"};
    CHECK_OK(wn__recipe_read(&source, &r));
    CHECK_OK(wn__recipe_write_data(r, &second));
    wn__text_release(&whole);
    CHECK_EQ_TEXT(first.data, second.data);
    wn__text_release(&first);
    wn__text_release(&second);
    wn__recipe_free(r);
}

TEST(one_normalisation_holds_for_both)
{
    wn__normalize n;
    wn__recipe *r = good("data.augment=[flip, {normalize: {mean: 0.5, std: [0.25, 0.25, 0.2]}}]", NULL);
    const wn__dataset data = {.type = r->data.type, .facts = r->data.facts};
    CHECK_OK(wn__data_section_normalize(&r->data, &data, &n));
    CHECK_NEAR((double)n.mean[2], 0.5, 0, 0);
    CHECK_NEAR((double)n.std[2], 0.2, 1e-7, 0);
    wn__recipe_free(r);
    r = good("data.evaluate=[{normalize: {mean: 0.5, std: 0.25}}]", NULL); /* pictures are fitted as without a list */
    wn__dataset loaded = {.type = r->data.type, .facts = r->data.facts, .fit = &r->data.fit};
    wn__data_section_fit(&r->data, &loaded);
    CHECK(loaded.fit == NULL && loaded.facts.sample.height == 32);
    wn__recipe_free(r);
    check_refused("data.augment=[{normalize: {mean: 0.5}}]", "data.evaluate=[normalize]", "normalise differently");
}

TEST(what_does_not_fit_is_told_with_its_place)
{
    check_refused("data.augment=[flip, foo]", NULL, "data.augment: unknown entry \"foo\"; valid: resize, center-crop,");
    check_refused("data.augment=[flipp]", NULL, "did you mean \"flip\"?");
    check_refused("data.augment=[{flip: {q: 1}}]", NULL, "flip: unknown key \"q\"; did you mean \"p\"? valid: p");
    check_refused("data.augment=[{flip: 2}]", NULL, "p: 2 is out of range, valid is 0 to 1");
    check_refused("data.augment=[mixup, flip]", NULL, "flip is of pixels and must stand before mixup");
    check_refused("data.augment=[{random-resized-crop: {scale: [1, 0.5]}}]", NULL, "scale: a range such as [0.5, 1]");
    check_refused("data.evaluate=[flip]", NULL, "flip draws, and evaluation is the same each time");
    check_refused("data.evaluate=[fli]", NULL, "data.evaluate: unknown entry \"fli\"; valid: resize, center-crop, normalize");
    check_refused("data.augment=[mixup]", "data.last_batch=wrap", "wrap takes samples again");
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {
        RUN(lists_of_names_alone_stay_what_they_were),
        RUN(entries_have_settings_in_short_and_in_full),
        RUN(the_network_sees_the_size_that_lists_end_in),
        RUN(presets_say_both),
        RUN(a_resolved_recipe_with_lists_reads_back_to_the_same),
        RUN(one_normalisation_holds_for_both),
        RUN(what_does_not_fit_is_told_with_its_place),
        {0},
    };
    return wn_test_main(argc, argv, tests);
}
