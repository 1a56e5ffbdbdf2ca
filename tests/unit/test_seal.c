/* The sealed session against the vector of WORKOS.md §9, and everything that must not open. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/str.h"
#include "crypt/seal.h"

#define PASSWORD "keyfob-test-password-0123456789-abcdef"
#define PLAIN                                                                                      \
    "{\"organizationId\":\"org_T\",\"user\":{\"object\":\"user\",\"id\":\"user_T\",\"email\":\"a@" \
    "example.test\"},\"accessToken\":\"at\",\"refreshToken\":\"rt\"}"
#define SALTS "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
static const char sealed[] =
    "Fe26.2*1*" SALTS "*AAECAwQFBgcICQoLDA0ODw*1QHwXMMQBI0OFK3NkUxAYhsVt7-hM6nFngpBFjOPX9T_Xye9Cc__"
    "FFP_ff2yHqOUUTEsCy1TgUKR4oE5R1RCzbJa2BSUtt"
    "fFaobM001GW8w7yv0f4_a4CBL6vVyh8rckTQHRBexTnJCFnAfCzRj2EL81ubmdHrdwYc3Y2rw1_"
    "kVtMwrRvg8YqciUc9KmTMXK**"
    "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100*_yrf8n1dpAuJy4Rcc6-"
    "VF9CZTMG5GGWm4mpx6QxX0I8~2";

static kf_secret *text(const char *s) { return kf_secret_new(s, strlen(s)); }

static kf_secret *open_with(const char *s, size_t n, const char *password, int64_t now,
                            kf_err *err) {
    KF_AUTO(kf_secret) p = text(password);
    return kf_unseal(s, n, p, now, err);
}

static void vector_seals(void **state) {
    uint8_t seed[KF_SEAL_SEED];
    assert_true(kf_unhex(SALTS, seed, 32));
    assert_true(kf_unhex("ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100",
                         seed + 32, 32));
    assert_true(kf_unhex("000102030405060708090a0b0c0d0e0f", seed + 64, 16));
    KF_AUTO(kf_secret) plain = text(PLAIN);
    KF_AUTO(kf_secret) password = text(PASSWORD);
    KF_AUTO(kf_secret) got = kf_seal(plain, password, seed, NULL);
    assert_non_null(got);
    assert_string_equal(kf_secret_peek(got), sealed);
}

static void vector_opens(void **state) {
    KF_AUTO(kf_secret) got = open_with(sealed, sizeof sealed - 1, PASSWORD, 0, NULL);
    assert_non_null(got);
    assert_string_equal(kf_secret_peek(got), PLAIN);
    KF_AUTO(kf_secret)
    plain = open_with(sealed, sizeof sealed - 3, PASSWORD, 0, NULL); /* no version */
    assert_string_equal(kf_secret_peek(plain), PLAIN);
}

static void other_lengths(void **state) {
    KF_AUTO(kf_secret) password = text(PASSWORD);
    uint8_t seed[KF_SEAL_SEED] = {7};
    for (size_t n = 2; n < 70; n++) {
        char json[80];
        memset(json, ' ', sizeof json);
        memcpy(json, "{}", 2);
        KF_AUTO(kf_secret) plain = kf_secret_new(json, n);
        KF_AUTO(kf_secret) s = kf_seal(plain, password, seed, NULL);
        KF_AUTO(kf_secret) back = kf_unseal(kf_secret_peek(s), kf_secret_len(s), password, 0, NULL);
        assert_true(kf_secret_eq(back, plain));
    }
}

static void one_byte_changed_never_opens(void **state) {
    char copy[sizeof sealed];
    for (size_t i = 0; i < sizeof sealed - 3;
         i++) { /* the version behind ~ is not covered by the MAC */
        memcpy(copy, sealed, sizeof sealed);
        copy[i] = copy[i] == 'b' ? 'c' : 'b';
        kf_err e = {0};
        kf_secret *got = open_with(copy, sizeof sealed - 1, PASSWORD, 0, &e);
        if (got) fail_msg("byte %zu was changed, and it opened", i);
        assert_int_equal(e.code, KF_ERR_USAGE_BAD);
    }
    for (size_t n = 0; n < sizeof sealed - 4; n++)
        assert_null(open_with(sealed, n, PASSWORD, 0, NULL));
}

static void what_is_refused(void **state) {
    kf_err e;
    assert_null(
        open_with(sealed, sizeof sealed - 1, "another-password-of-thirty-two-chars", 0, &e));
    assert_non_null(strstr(e.what, "cookie password"));
    KF_AUTO_CHARS many = kf_strfmt("%.*s*x~2", (int)sizeof sealed - 3, sealed);
    assert_null(open_with(many, strlen(many), PASSWORD, 0, &e));
    assert_int_equal(e.code, KF_ERR_USAGE_BAD);
    char *huge = calloc(1, KF_SEALED_MAX + 1);
    assert_null(open_with(huge, KF_SEALED_MAX + 1, PASSWORD, 0, &e));
    free(huge);
    KF_AUTO(kf_secret) plain = text("{}");
    KF_AUTO(kf_secret) brief = text("0123456789012345678901234567890"); /* 31 */
    uint8_t seed[KF_SEAL_SEED] = {0};
    assert_null(kf_seal(plain, brief, seed, &e));
    assert_int_equal(e.code, KF_ERR_USAGE_BAD);
    KF_AUTO(kf_secret)
    wide = text("\xf0\x9f\x94\x91\xf0\x9f\x94\x91\xf0\x9f\x94\x91\xf0\x9f\x94\x91\xf0\x9f\x94\x91"
                "\xf0\x9f\x94\x91\xf0\x9f\x94\x91\xf0\x9f\x94\x91"
                "\xf0\x9f\x94\x91\xf0\x9f\x94\x91\xf0\x9f\x94\x91\xf0\x9f\x94\x91\xf0\x9f\x94\x91"
                "\xf0\x9f\x94\x91\xf0\x9f\x94\x91\xf0\x9f\x94\x91");
    assert_true(kf_seal_password_ok(wide, NULL)); /* 16 characters are 32 units of JavaScript */
}

int main(void) {
    const struct CMUnitTest t[] = {cmocka_unit_test(vector_seals), cmocka_unit_test(vector_opens),
                                   cmocka_unit_test(other_lengths),
                                   cmocka_unit_test(one_byte_changed_never_opens),
                                   cmocka_unit_test(what_is_refused)};
    return cmocka_run_group_tests(t, NULL, NULL);
}
