/* Random sizes, keys, answers and waits on every screen: nothing is written outside the grid,
 * nothing crashes (this runs under ASan as well), every row keeps its width. The seed is printed
 * and can be given. */
#include <locale.h>
#include <wchar.h>
#include "base/str.h"
#include "golden.h"

static uint64_t seed;

static unsigned dice(unsigned n) { /* xorshift64*: the same on every machine */
    seed ^= seed >> 12, seed ^= seed << 25, seed ^= seed >> 27;
    return (unsigned)((seed * 2685821657736338717u) >> 33) % n;
}

static const char *const steps[] = {
    "{\"serial\":%u,\"kind\":\"wait\"}",
    "{\"serial\":%u,\"kind\":\"field\",\"field\":\"email\",\"acts\":[\"submit\",\"back\"]}",
    "{\"serial\":%u,\"kind\":\"field\",\"field\":\"password\",\"acts\":[\"submit\"],\"note\":\"bad_"
    "credentials\"}",
    "{\"serial\":%u,\"kind\":\"field\",\"field\":\"totp\",\"note\":\"code_expired\"}",
    "{\"serial\":%u,\"kind\":\"choose\",\"choices\":[{\"id\":\"org_1\",\"label\":\"A\"},{\"id\":"
    "\"org_2\",\"label\":\"\\u682a\\u5f0f\"}],\"choices_more\":true}",
    "{\"serial\":%u,\"kind\":\"failed\",\"failure\":{\"name\":\"net.tls\",\"what\":\"x\",\"hint\":"
    "\"\"}}",
    "{\"serial\":%u,\"kind\":\"open_url\",\"url\":\"https://x\"}",
    "{\"serial\":%u,\"kind\":\"open_url\",\"url\":\"https://x/"
    "\\u202e\",\"user_code\":\"ABCD-EFGH\",\"qr\":\"https://"
    "x?c=ABCD-EFGH\",\"acts\":[\"browser\",\"new_code\"],\"note\":\"device\",\"left_ms\":100000}",
    "{\"serial\":%u,\"kind\":\"open_url\",\"field\":\"redirect_url\",\"url\":\"https://"
    "x?a=b\",\"acts\":[\"submit\","
    "\"browser\"],\"note\":\"sso\",\"note_arg\":\"\\u001b[2J\"}",
    "{\"serial\":%u,\"kind\":\"show_qr\",\"field\":\"totp\",\"acts\":[\"submit\"],\"note\":\"bad_"
    "code\",\"qr\":\"otpauth://totp/"
    "a%%20b:c?secret=JBSWY3DPEHPK3PXP\",\"qr_text\":\"JBSWY3DPEHPK3PXP\"}",
    "{\"serial\":%u,\"kind\":\"show_qr\",\"field\":\"totp\",\"qr\":\"\"}",
    "{\"serial\":%u,\"kind\":\"field\",\"field\":\"new_password\",\"acts\":[\"submit\",\"back\"]}",
    "{\"serial\":%u,\"kind\":\"field\",\"field\":\"email_code\",\"acts\":[\"submit\",\"resend\"],"
    "\"note\":\"sent_to\"}",
    "{\"serial\":%u,\"kind\":\"done\",\"profile\":{\"id\":\"00000000000000a1\",\"name\":\"n\"}}"};

static void random_key(stage *s) {
    static const int keys[] = {KF_KEY_ENTER,
                               KF_KEY_ENTER,
                               KF_KEY_ESC,
                               KF_KEY_TAB,
                               KF_KEY_UP,
                               KF_KEY_DOWN,
                               KF_KEY_LEFT,
                               KF_KEY_RIGHT,
                               KF_KEY_HOME,
                               KF_KEY_END,
                               KF_KEY_PGUP,
                               KF_KEY_PGDN,
                               KF_KEY_DELETE,
                               KF_KEY_BACKSPACE,
                               KF_KEY_BACKTAB,
                               KF_KEY_F1,
                               KF_KEY_F2,
                               KF_KEY_OTHER,
                               KF_CTRL('L'),
                               KF_CTRL('U'),
                               KF_CTRL('W'),
                               KF_CTRL('K'),
                               's',
                               'S',
                               'r',
                               'a',
                               'e',
                               'D',
                               'C',
                               'u',
                               'd',
                               '?',
                               ':',
                               '/',
                               '*',
                               'y',
                               'n',
                               'b',
                               'o',
                               'c',
                               'A',
                               ']',
                               'i',
                               'w',
                               '+',
                               'v',
                               'x',
                               'I',
                               't',
                               KF_CTRL('F'),
                               '1',
                               '2',
                               0x65e5,
                               0x301,
                               0x202e,
                               0x1f468};
    if (dice(6) == 0) stage_key(s, (int)(0x20 + dice(0x5f)));
    else stage_key(s, keys[dice(KF_LEN(keys))]);
}

/* An answer to every call about an account, odd in places. */
static const char account[] =
    "{\"sessions\":[{\"id\":\"session_1\",\"current\":true,\"status\":\"active\",\"user_agent\":"
    "\"\\u001b[2J\\u202e\\u682a\\u5f0f\"},"
    "{\"id\":\"session_2\",\"status\":\"active\",\"created_at\":\"x\",\"expires_at\":7},{}],"
    "\"factors\":[{\"id\":\"auth_factor_1\","
    "\"type\":\"totp\"},{\"type\":\"\\u0301\"}],\"organizations\":[{\"id\":\"org_1\",\"name\":"
    "\"\\u682a\\u5f0f\\u4f1a\\u793e\"},{}],"
    "\"claims\":{\"exp\":1795450252,\"iat\":-1,\"a\":[],\"b\":[1,null,{}],\"\\u202e\":\"x\"},"
    "\"header\":{\"alg\":\"none\"},"
    "\"verified\":false,\"user\":{\"x\":null},\"oauth\":{},\"enrollment\":\"e\",\"secret\":"
    "\"JBSWY3DPEHPK3PXP\",\"uri\":"
    "\"otpauth://totp/"
    "a:b?secret=JBSWY3DPEHPK3PXP\",\"revoked\":-1,\"access_token\":\"eyJh.\\u0001eyJz.c2ln\",\"api_"
    "key\":\"sk_\",\"name\":\"n\",\"way\":\"x\"}";

static void random_answer(stage *s, unsigned i) {
    if (!s->last_call) return;
    if (!strcmp(s->last_method, "SignIn") || !strcmp(s->last_method, "Answer")) {
        char step[512], *text = NULL;
        snprintf(step, sizeof step, "%s", steps[dice(KF_LEN(steps))]);
        char *at = strstr(step, "%u");
        assert_true(asprintf(&text, "{\"flow\":\"f\",\"step\":%.*s%u%s}", (int)(at - step), step,
                             dice(3) ? i : 1, at + 2) > 0);
        for (uint32_t c = s->last_call; c && c + 3 > s->last_call; c--)
            stage_answer(s, c, text, false);
        free(text);
    } else if (dice(2)) {
        static const kf_err_code codes[] = {
            KF_ERR_STORE_VAULT_LOCKED,   KF_ERR_STORE_VAULT_NEW, KF_ERR_NET_TLS,
            KF_ERR_WORKOS_INVALID_GRANT, KF_ERR_USAGE_EXISTS,    KF_ERR_STORE_BAD_PASSPHRASE,
            KF_ERR_WIRE_CLOSED};
        stage_fail(s, s->last_call,
                   (kf_err){.code = codes[dice(KF_LEN(codes))], .what = "what", .hint = "hint"});
    } else if (strcmp(s->last_method, "Watch") != 0 && dice(2))
        stage_answer(s, s->last_call, account, dice(2));
    else
        stage_answer(s, s->last_call,
                     "{\"profile\":{\"id\":\"00000000000000a9\",\"name\":\"new\",\"state\":"
                     "\"signed_in\",\"left_ms\":9000},\"server_ended\":true}",
                     true);
}

static void random_event(stage *s, unsigned i) {
    switch (dice(18)) {
    case 16: {
        int keys[9];
        for (size_t k = 0; k < KF_LEN(keys); k++)
            keys[k] = dice(5) ? (int)(0x20 + dice(0x5f)) : dice(2) ? KF_KEY_ENTER : 0x1f468;
        kf_app_burst(s->a, keys, dice(KF_LEN(keys) + 1));
        stage_pump(s);
        break;
    }
    case 17:
        if (!s->imports) break;
        stage_answer(s, s->imports,
                     "{\"items\":[{\"source\":\"workos\",\"name\":\"a\",\"profile_name\":\"new\","
                     "\"client_id\":\"client_1\"},"
                     "{\"source\":\"workos\",\"name\":\"\\u202eA\",\"profile_name\":\"new\","
                     "\"client_id\":\"client_2\"},{\"name\":\"\"}]}",
                     true);
        break;
    case 0: stage_paste(s, dice(2) ? "one\ntwo\x1b[201~\xff" : "123 456"); break;
    case 1: stage_wait(s, dice(20) * 700); break;
    case 2: random_answer(s, i); break;
    case 3: stage_watch(s, dice(2) ? profiles_json : hostile_json); break;
    case 4:
        stage_watch(s, "{\"profiles\":[],\"removed\":[\"00000000000000a1\",\"00000000000000a4\"]}");
        break;
    case 6: kf_app_hide(s->a); break;
    case 5: stage_fail(s, s->watch, (kf_err){.code = KF_ERR_WIRE_CLOSED}); break;
    default: random_key(s);
    }
    if (!strcmp(s->last_method, "Watch") && !kf_json_str(s->last_params, "open"))
        s->watch = s->last_call;
}

/* The grid lies between guard cells; every row must have exactly its columns. */
static void check_draw(stage *s, int rows, int cols) {
    enum { GUARD = 64 };
    size_t n = (size_t)rows * (size_t)cols;
    kf_cell *room = calloc(n + 2 * GUARD, sizeof *room);
    assert_non_null(room);
    for (size_t i = 0; i < n + 2 * GUARD; i++) room[i].ch[0] = 0xabcdef, room[i].width = 1;
    kf_grid g = {.rows = rows, .cols = cols, .cell = room + GUARD, .ascii = dice(2)};
    kf_app_size(s->a, rows, cols);
    kf_app_draw(s->a, &g);
    for (size_t i = 0; i < GUARD; i++)
        assert_true(room[i].ch[0] == 0xabcdef && room[n + GUARD + i].ch[0] == 0xabcdef);
    for (int y = 0; y < rows; y++) {
        int width = 0;
        for (int x = 0; x < cols; x++) {
            const kf_cell *c = &g.cell[y * cols + x];
            assert_true(c->width <= 2 && c->ink < KF_INK_COUNT);
            if (c->width == 0) assert_true(x > 0 && g.cell[y * cols + x - 1].width == 2);
            else assert_true(c->ch[0] >= 0x20 && c->ch[0] != 0x7f);
            width += c->width;
        }
        assert_int_equal(width, cols);
    }
    if (g.cursor) assert_true(g.cur_y >= 0 && g.cur_y < rows && g.cur_x >= 0 && g.cur_x < cols);
    free(room);
    kf_app_size(s->a, s->rows, s->cols);
}

static void random_walks(void **state) {
    for (unsigned walk = 0; walk < 25; walk++) {
        stage s;
        stage_open(&s);
        s.m.sandbox = dice(2);
        s.m.read_only = !dice(6);
        if (dice(8)) stage_watch(&s, dice(3) ? profiles_json : hostile_json);
        for (unsigned i = 2; i < 122; i++) {
            random_event(&s, i);
            if (i % 6 == 0)
                check_draw(&s, 1 + (int)dice(60), 1 + (int)dice(200)); /* 25 x 20 = 500 sizes */
            if (i % 30 == 0) check_draw(&s, 12, 40), check_draw(&s, 24, 80);
        }
        stage_close(&s);
    }
}

static void grid_total(void **state) {
    for (unsigned i = 0; i < 3000; i++) {
        kf_grid g;
        kf_grid_init(&g, (int)dice(6), (int)dice(12), dice(2));
        static const char *const texts[] = {"",
                                            "a",
                                            "\xe6\x97\xa5\xe6\x9c\xac",
                                            "abcdefghijklmnop",
                                            "e\xcc\x81\xcc\x81\xcc\x81",
                                            "\xff\xc0\x80",
                                            "a\nb c"};
        const char *t = texts[dice(KF_LEN(texts))];
        int y = (int)dice(10) - 2, x = (int)dice(20) - 5, n = (int)dice(24) - 2;
        switch (dice(6)) {
        case 0: assert_true(kf_grid_text(&g, y, x, n, KF_INK_TEXT, t) <= (n > 0 ? n : 0)); break;
        case 1: assert_true(kf_grid_middle(&g, y, x, n, KF_INK_TEXT, t) <= (n > 0 ? n : 0)); break;
        case 2: kf_grid_right(&g, y, x, n, KF_INK_TEXT, t); break;
        case 3: assert_true(kf_grid_wrap(&g, y, x, n, 3, KF_INK_TEXT, t, true) <= 3); break;
        case 4:
            kf_grid_hline(&g, y, x, n), kf_grid_vline(&g, y, x, n),
                kf_grid_tint(&g, y, x, n, KF_INK_BAD);
            break;
        default: kf_grid_clear_rect(&g, (kf_rect){y, x, n, n}), kf_grid_cursor(&g, y, x); break;
        }
        kf_grid_done(&g);
    }
}

int main(int argc, char **argv) {
    setenv("TZ", "UTC", 1);
    if (!setlocale(LC_ALL, "C.UTF-8")) return 1;
    seed = argc > 1 ? strtoull(argv[1], NULL, 10) : (uint64_t)time(NULL) | 1;
    print_message("seed %llu\n", (unsigned long long)seed);
    const struct CMUnitTest tests[] = {cmocka_unit_test(grid_total),
                                       cmocka_unit_test(random_walks)};
    return cmocka_run_group_tests_name("random", tests, NULL, NULL);
}
