/* Frames split at every byte, limits, and errors across the wire. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/str.h"
#include "wire/frame.h"
#include "wire/msg.h"
#include "wire/socket.h"

static void frames_split_at_every_byte(void **state) {
    kf_buf out;
    kf_err e;
    kf_buf_init(&out, 1 << 20);
    for (int i = 0; i < 3; i++) {
        kf_json *p = kf_json_obj();
        kf_json_set_int(p, "n", i);
        KF_AUTO(kf_json) m = kf_msg_call("GetToken", p, false);
        assert_true(kf_frame_write(&out, m, &e));
    }
    for (size_t cut = 0; cut <= out.len; cut++) {
        kf_frame_reader r;
        kf_json *m = NULL;
        int n = 0;
        kf_frame_reader_init(&r);
        assert_true(kf_frame_feed(&r, out.data, cut, &e));
        while (kf_frame_next(&r, &m, &e) == 1) {
            assert_int_equal(kf_json_int_or(kf_json_get(m, "parameters"), "n", -1), n++);
            m = kf_json_free(m);
        }
        assert_true(kf_frame_has_partial(&r) == (cut != 0 && out.data[cut - 1] != 0));
        assert_true(kf_frame_feed(&r, out.data + cut, out.len - cut, &e));
        while (kf_frame_next(&r, &m, &e) == 1) {
            assert_int_equal(kf_json_int_or(kf_json_get(m, "parameters"), "n", -1), n++);
            m = kf_json_free(m);
        }
        assert_int_equal(n, 3);
        assert_false(kf_frame_has_partial(&r));
        kf_frame_reader_done(&r);
    }
    kf_buf_done(&out);
}

static void frames_have_a_maximum(void **state) {
    kf_frame_reader r;
    kf_err e;
    char chunk[4096];
    memset(chunk, ' ', sizeof chunk);
    kf_frame_reader_init(&r);
    size_t fed = 0;
    while (kf_frame_feed(&r, chunk, sizeof chunk, &e)) fed += sizeof chunk;
    assert_int_equal(e.code, KF_ERR_WIRE_TOO_LONG);
    assert_true(fed <= KF_FRAME_MAX);
    kf_frame_reader_done(&r);
    KF_AUTO(kf_json) odd = kf_json_obj();
    kf_buf none;
    kf_buf_init(&none, 4096);
    kf_json_set_str(odd, "label", "\xff");
    assert_false(kf_frame_write(&none, odd, &e));
    assert_int_equal(e.code, KF_ERR_USAGE_BAD);
    assert_string_equal(e.what, "a value has bytes that are not UTF-8");
    assert_int_equal(none.len, 0);
    KF_AUTO(kf_json) big = kf_json_obj();
    char *s = malloc(KF_FRAME_MAX + 1);
    memset(s, 'x', KF_FRAME_MAX);
    s[KF_FRAME_MAX] = 0;
    kf_json_set_str(big, "x", s);
    free(s);
    kf_buf out;
    kf_buf_init(&out, 4 << 20);
    assert_false(kf_frame_write(&out, big, &e));
    assert_int_equal(e.code, KF_ERR_WIRE_TOO_LONG);
    kf_buf_done(&out);
}

static void what_is_no_object_is_refused(void **state) {
    static const char *const bad[] = {"[]",         "1", "", "{", "{\"a\":1}x", "{\"a\":1,\"a\":2}",
                                      "\"\\u0000\""};
    for (size_t i = 0; i < KF_LEN(bad); i++) {
        kf_frame_reader r;
        kf_json *m = NULL;
        kf_err e;
        kf_frame_reader_init(&r);
        assert_true(kf_frame_feed(&r, bad[i], strlen(bad[i]) + 1, &e));
        assert_int_equal(kf_frame_next(&r, &m, &e), -1);
        assert_int_equal(e.code, KF_ERR_WIRE_BAD_FRAME);
        kf_frame_reader_done(&r);
    }
}

static void errors_survive_the_wire(void **state) {
    for (int c = 1; c < KF_ERR_COUNT; c++) {
        kf_err a, b;
        const kf_json *p;
        kf_fail(&a, (kf_err_code)c, "fact %d", c);
        kf_hint(&a, "hint");
        a.status = 400;
        a.retry_after = 7;
        assert_true(kf_str_set(a.upstream, sizeof a.upstream, "invalid_grant"));
        KF_AUTO(kf_json) m = kf_msg_error(&a);
        assert_false(kf_msg_result(m, &p, NULL, &b));
        assert_int_equal(a.code, b.code);
        assert_string_equal(a.what, b.what);
        assert_string_equal(a.hint, b.hint);
        assert_string_equal(a.upstream, b.upstream);
        assert_int_equal(b.status, 400);
        assert_int_equal(b.retry_after, 7);
    }
}

static void places_are_checked(void **state) {
    kf_err e;
    char dir[] = "/tmp/kf-wire-XXXXXX", longer[200];
    assert_non_null(mkdtemp(dir));
    assert_true(kf_socket_dir_check(dir, false, &e));
    chmod(dir, 0755);
    assert_false(kf_socket_dir_check(dir, false, &e));
    assert_int_equal(e.code, KF_ERR_SYS_OWNER);
    chmod(dir, 0700);
    KF_AUTO_CHARS link = kf_strfmt("%s-link", dir);
    assert_int_equal(symlink(dir, link), 0);
    assert_false(kf_socket_dir_check(link, false, &e)); /* a link may point anywhere */
    unlink(link);
    KF_AUTO_CHARS sock = kf_strfmt("%s/s", dir);
    assert_int_equal(kf_socket_connect(sock, &e), -1);
    assert_int_equal(e.code, KF_ERR_WIRE_NO_AGENT);
    int l = kf_socket_listen(sock, &e), c = kf_socket_connect(sock, &e);
    assert_true(l >= 0 && c >= 0);
    struct stat st;
    assert_int_equal(stat(sock, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    pid_t pid = 0;
    assert_true(kf_socket_peer_ok(c, &pid, &e));
    assert_int_equal(pid, getpid());
    close(c);
    close(l);
    memset(longer, 'x', sizeof longer - 1);
    longer[0] = '/';
    longer[sizeof longer - 1] = 0;
    assert_int_equal(kf_socket_connect(longer, &e), -1);
    assert_int_equal(e.code, KF_ERR_WIRE_PATH);
    unlink(sock);
    rmdir(dir);
}

int main(void) {
    const struct CMUnitTest t[] = {
        cmocka_unit_test(frames_split_at_every_byte), cmocka_unit_test(frames_have_a_maximum),
        cmocka_unit_test(what_is_no_object_is_refused), cmocka_unit_test(errors_survive_the_wire),
        cmocka_unit_test(places_are_checked)};
    return cmocka_run_group_tests(t, NULL, NULL);
}
