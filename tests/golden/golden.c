#include "golden.h"
#include <sys/stat.h>
#include "base/buf.h"
#include "base/str.h"

const char *const profiles_json =
    "{\"profiles\":["
    "{\"id\":\"00000000000000a1\",\"name\":\"acme-prod\",\"default\":true,\"confidential\":true,"
    "\"client_id\":\"client_01HZX5T7YB1Q3T4K8M9N2P6R7S\","
    "\"api_host\":\"https://"
    "api.workos.com\",\"environment\":\"production\",\"organization_id\":\"\",\"redirect_port\":0,"
    "\"state\":\"signed_in\","
    "\"user_id\":\"user_01HXYZ5T7YB1Q3T4K8M9N2P6R7\",\"user_email\":\"maya@acme.example\",\"user_"
    "name\":\"Maya Chen\",\"org_id\":\"org_01J8ABCD0EFGH1JKLMN2PQR4TZ\","
    "\"org_name\":\"Acme "
    "Inc\",\"role\":\"admin\",\"permissions\":14,\"session_id\":\"session_"
    "01JDABCDEFGHJKMNPQRSTV7QK2\",\"method\":\"Password\","
    "\"signed_in_at\":1795440000,\"renewed_at\":1795449952,\"renewed_ms\":212,\"renewed_ok\":true,"
    "\"expires_at\":1795450252,\"left_ms\":252000,"
    "\"life_ms\":300000,\"renews_in_ms\":192000,\"token_bytes\":1184,\"token_head\":\"eyJhbGci\","
    "\"token_tail\":\"R9wA\"},"
    "{\"id\":\"00000000000000a2\",\"name\":\"acme-staging\",\"default\":false,\"confidential\":"
    "true,\"client_id\":\"client_01HZ2\","
    "\"api_host\":\"https://"
    "api.workos.com\",\"environment\":\"staging\",\"organization_id\":\"\",\"redirect_port\":0,"
    "\"state\":\"signed_in\","
    "\"user_id\":\"user_2\",\"user_email\":\"maya@acme.example\",\"org_id\":\"org_2\",\"org_name\":"
    "\"Acme Inc\",\"role\":\"member\",\"session_id\":\"session_2\","
    "\"left_ms\":48000,\"life_ms\":300000,\"renewed_at\":1795449700},"
    "{\"id\":\"00000000000000a3\",\"name\":\"globex-prod\",\"default\":false,\"confidential\":true,"
    "\"client_id\":\"client_01HZ3\","
    "\"api_host\":\"https://"
    "api.workos.com\",\"environment\":\"production\",\"organization_id\":\"\",\"redirect_port\":0,"
    "\"state\":\"needs_sign_in\","
    "\"user_id\":\"user_3\",\"user_email\":\"dev@globex.example\",\"org_id\":\"org_3\",\"org_"
    "name\":\"Globex \xe6\x97\xa5\xe6\x9c\xac\","
    "\"failure\":{\"name\":\"workos.invalid_grant\",\"what\":\"WorkOS answered 400 "
    "invalid_grant\",\"hint\":\"\",\"status\":400,"
    "\"upstream\":\"invalid_grant\",\"request_id\":\"req_01JDADQ2\"}},"
    "{\"id\":\"00000000000000a4\",\"name\":\"initech\",\"default\":false,\"confidential\":false,"
    "\"client_id\":\"client_01HZ4\","
    "\"api_host\":\"https://"
    "api.workos.com\",\"environment\":\"\",\"organization_id\":\"\",\"redirect_port\":8391,"
    "\"state\":\"signed_out\"},"
    "{\"id\":\"00000000000000a5\",\"name\":\"hooli-europe-production-01\",\"default\":false,"
    "\"confidential\":true,\"client_id\":\"client_01HZ5\","
    "\"api_host\":\"https://"
    "api.workos.com\",\"environment\":\"production\",\"organization_id\":\"\",\"redirect_port\":0,"
    "\"state\":\"offline\","
    "\"user_id\":\"user_5\",\"user_email\":\"m.lopez@hooli.example.com\",\"org_id\":\"org_5\","
    "\"org_name\":\"Hooli Europe Holding\",\"left_ms\":7500000,"
    "\"life_ms\":14400000,\"retry_in_ms\":20000,\"renewed_at\":1795440000,\"session_id\":\"session_"
    "5\","
    "\"failure\":{\"name\":\"net.connect\",\"what\":\"connect to api.workos.com:443: Connection "
    "timed out\",\"hint\":\"\"}}"
    "],\"removed\":[],\"store\":{\"kind\":\"vault\",\"state\":\"ok\",\"choice\":\"auto\",\"why\":"
    "\"\"}}";

/* Names as a hostile server would choose them: escape sequences, carriage return, backspace,
 * right-to-left override, zero width, tags, combining marks, emoji sequences, 300 characters. */
const char *const hostile_json =
    "{\"profiles\":["
    "{\"id\":\"00000000000000b1\",\"name\":\"plain\",\"confidential\":true,\"state\":\"signed_in\","
    "\"environment\":\"staging\",\"client_id\":\"client_1\","
    "\"api_host\":\"https://"
    "api.workos.com\",\"user_email\":\"\\u001b[31mred\\u001b[0m@x.example\",\"org_name\":"
    "\"\\rOWNED\\b\\b\\b\\u0007\",\"left_ms\":100000,"
    "\"life_ms\":300000},"
    "{\"id\":\"00000000000000b2\",\"name\":\"bidi\",\"confidential\":true,\"state\":\"signed_in\","
    "\"environment\":\"staging\",\"client_id\":\"client_2\","
    "\"api_host\":\"https://"
    "api.workos.com\",\"user_email\":\"a\\u202eevil\\u200b\\ufeff@x.example\",\"org_name\":"
    "\"\\u0627\\u0644\\u0634\\u0631\\u0643\\u0629\","
    "\"left_ms\":100000,\"life_ms\":300000},"
    "{\"id\":\"00000000000000b3\",\"name\":\"wide\",\"confidential\":true,\"state\":\"signed_in\","
    "\"environment\":\"staging\",\"client_id\":\"client_3\","
    "\"api_host\":\"https://"
    "api.workos.com\",\"user_email\":"
    "\"\\u682a\\u5f0f\\u4f1a\\u793e\\u682a\\u5f0f\\u4f1a\\u793e\\u682a\\u5f0f\\u4f1a\\u793e@x."
    "example\","
    "\"org_name\":\"a\\u0301\\u0301\\u0301\\u0301\\u0301b "
    "\\ud83d\\udc68\\u200d\\ud83d\\udc69\\u200d\\ud83d\\udc67 "
    "fam\",\"left_ms\":100000,\"life_ms\":300000},"
    "{\"id\":\"00000000000000b4\",\"name\":\"long\",\"confidential\":true,\"state\":\"error\","
    "\"environment\":\"staging\",\"client_id\":\"client_4\","
    "\"api_host\":\"https://api.workos.com\",\"user_email\":\"LONG\",\"org_name\":\"LONG\","
    "\"failure\":{\"name\":\"workos.refused\",\"what\":\"WorkOS says \\u001b]52;c;AAAA\\u0007 "
    "LONG\",\"hint\":\"\\n\\n\\n\",\"status\":422,\"upstream\":\"x\\u001b[2J\","
    "\"request_id\":\"req\\r\\n\"}}"
    "],\"removed\":[],\"store\":{\"kind\":\"vault\",\"state\":\"ok\",\"choice\":\"auto\",\"why\":"
    "\"\"}}";

void stage_open(stage *s) {
    memset(s, 0, sizeof *s);
    s->rows = 24, s->cols = 80, s->quit = -1;
    kf_model_init(&s->m);
    s->m.now_ms = 5000000;
    s->m.wall = 1795450000; /* 2026-11-23 16:06:40 */
    s->a = kf_app_new(&s->m, &kf_home_places);
    kf_app_size(s->a, s->rows, s->cols);
    stage_pump(s);
    s->watch = s->last_call;
}

void stage_close(stage *s) {
    s->a = kf_app_free(s->a);
    kf_json_free(s->last_params);
    kf_model_done(&s->m);
}

void stage_pump(stage *s) {
    kf_fx fx;
    while (kf_app_next(s->a, &fx)) {
        switch (fx.kind) {
        case KF_FX_CALL:
        case KF_FX_STREAM:
            s->calls++;
            if (!strcmp(fx.method, "FindImports")) {
                s->imports = fx.call;
                s->imports_keyring = kf_json_bool(fx.params, "keyring", false);
                break;
            }
            s->last_call = fx.call;
            snprintf(s->last_method, sizeof s->last_method, "%s", fx.method);
            kf_json_free(s->last_params);
            s->last_params = fx.params;
            fx.params = NULL;
            break;
        case KF_FX_STOP: s->stops++; break;
        case KF_FX_QUIT: s->quit = fx.status; break;
        case KF_FX_SUSPEND: s->suspends++; break;
        case KF_FX_SANDBOX: s->sandbox = true; break;
        case KF_FX_OPEN:
            s->opened++;
            snprintf(s->opened_url, sizeof s->opened_url, "%s",
                     kf_json_str_or(fx.params, "url", ""));
            break;
        default: break;
        }
        kf_json_free(fx.params);
    }
}

void stage_answer(stage *s, uint32_t call, const char *text, bool ended) {
    kf_err err;
    KF_AUTO(kf_json) j = kf_json_parse(text, strlen(text), &err);
    if (!j) fail_msg("the test's own JSON: %s", err.what);
    kf_app_result(s->a, call, j, ended, NULL);
    stage_pump(s);
}

void stage_fail(stage *s, uint32_t call, kf_err err) {
    kf_app_result(s->a, call, NULL, true, &err);
    stage_pump(s);
}

void stage_watch(stage *s, const char *json) { stage_answer(s, s->watch, json, false); }

void stage_key(stage *s, int key) {
    kf_app_key(s->a, key);
    stage_pump(s);
}

void stage_type(stage *s, const char *text) {
    while (*text) {
        char32_t c;
        text += kf_utf8_get(text, &c);
        stage_key(s, (int)c);
    }
}

void stage_paste(stage *s, const char *text) {
    kf_app_paste(s->a, text, strlen(text));
    stage_pump(s);
}

void stage_wait(stage *s, int64_t ms) {
    kf_app_time(s->a, s->m.now_ms + ms, s->m.wall + ms / 1000);
    stage_pump(s);
}

/* A QR code as a picture in text: light is a block, as on a dark page. In a terminal it is colour.
 */
static void show_code(kf_grid *g) {
    for (int i = 0; i < g->rows * g->cols; i++) {
        kf_cell *c = &g->cell[i];
        bool half = c->ch[0] == 0x2584;
        if (c->ink == KF_INK_QR_LIGHT) c->ch[0] = half ? 0x2580 : 0x2588;
        if (c->ink == KF_INK_QR_DARK) c->ch[0] = half ? 0x2584 : ' ';
    }
}

void stage_grid(stage *s, int rows, int cols, kf_grid *out) {
    kf_grid_init(out, rows, cols, s->ascii);
    kf_app_size(s->a, rows, cols);
    kf_app_draw(s->a, out);
    kf_app_size(s->a, s->rows, s->cols);
}

char *stage_draw(stage *s, int rows, int cols) {
    kf_grid g;
    kf_buf out;
    stage_grid(s, rows, cols, &g);
    show_code(&g);
    char *text = kf_grid_dump(&g);
    kf_buf_init(&out, SIZE_MAX);
    kf_buf_adds(&out, text);
    if (g.cursor) kf_buf_addf(&out, "cursor %d,%d\n", g.cur_y, g.cur_x);
    free(text);
    kf_grid_done(&g);
    return kf_buf_steal(&out);
}

static char *read_whole(const char *path) {
    FILE *f = fopen(path, "r");
    if (!f) return NULL;
    kf_buf b;
    kf_buf_init(&b, 1 << 20);
    char chunk[4096];
    size_t n;
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0) assert_true(kf_buf_add(&b, chunk, n));
    fclose(f);
    return kf_buf_steal(&b);
}

void stage_same(const char *path, const char *got) {
    const char *bless = getenv("KEYFOB_BLESS");
    if (bless && *bless == '1') {
        FILE *f = fopen(path, "w");
        if (!f) fail_msg("cannot write %s", path);
        fputs(got, f);
        fclose(f);
        return;
    }
    KF_AUTO_CHARS want = read_whole(path);
    if (!want) fail_msg("%s is missing; KEYFOB_BLESS=1 writes it", path);
    if (strcmp(want, got) != 0) fail_msg("%s differs. Wanted:\n%s\nDrawn:\n%s", path, want, got);
}

void stage_shot_at(stage *s, const char *name, int rows, int cols) {
    KF_AUTO_CHARS path = kf_strfmt("%s/%s-%dx%d.txt", KF_GOLDEN_DIR, name, cols, rows);
    KF_AUTO_CHARS got = stage_draw(s, rows, cols);
    stage_same(path, got);
}

void stage_shot(stage *s, const char *name) {
    stage_shot_at(s, name, 24, 80);
    stage_shot_at(s, name, 12, 40);
    stage_shot_at(s, name, 36, 120);
}

bool stage_shows(stage *s, const char *text) {
    KF_AUTO_CHARS got = stage_draw(s, 24, 80);
    if (strstr(got, text)) return true;
    print_message("not shown: %s\n%s\n", text, got);
    return false;
}

void stage_signin_by(stage *s, char digit) {
    stage_key(s, 's');
    stage_key(s, digit);
    assert_string_equal(s->last_method, "SignIn");
}

void stage_signin(stage *s) {
    stage_key(s, 's');
    stage_key(s, '4'); /* password */
    assert_string_equal(s->last_method, "SignIn");
}

void stage_step(stage *s, const char *step) {
    KF_AUTO_CHARS text = kf_strfmt("{\"flow\":\"f1\",\"step\":%s}", step);
    static uint32_t stream;
    if (!strcmp(s->last_method, "SignIn")) stream = s->last_call;
    stage_answer(s, stream, text, false);
}

void stage_open_acme(stage *s) {
    stage_open(s);
    stage_watch(s, profiles_json);
    stage_type(s, "/acme-prod");
    stage_key(s, KF_KEY_ENTER);
}
