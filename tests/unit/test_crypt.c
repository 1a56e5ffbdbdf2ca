/* SHA-256 against FIPS 180-4's examples, RS256 against tokens that the openssl command signed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/str.h"
#include "crypt/hash.h"
#include "crypt/jwks.h"

/* Two public keys and tokens of {"sub":"user_1"} by the first, with kid k1 but where the
 * name says otherwise. */
#define N                                                                                      \
    "r8gRA_ugJa81b0Ew3Fou-l4FbbVEYjJ4ve5mcC5QSiJUQiuApaG2BZ4XL_HcxoJicBf2XcQsM9U6AJQOqHLzDIgO" \
    "HNdpyEfyL7gyRS1Zk_B9Uq232_Bz_v6uhDIIe5wTNANnIPDlKFSPmTMr0vFzKTfuEbAnuw2RwtJw5xnvEQXW74uH" \
    "iT_Id2hXROjGL6JJzmXpk44h8JRNHQ9PLDgexmrd1nbfISMTb1mpTnsImkcQNYs1mCR2YPw3WWIIyZCaQTjsksHa" \
    "Z5cfKFac38sWVuZU-Pc7xlVjPY7w796NXNUm_Lsj-QxZRk_ITdBab-9Q-Ldz7BY3vPON4vhaiqrIyQ"
#define N1024                                                                                  \
    "txxAiMrNGkvi8QCqy6ptLFO_cZ8rMBHzQMFAQY-ro3oAsOb5ciTEcW9gJP3kzI7oI005-ftctmmIegz2wniJ7RFv" \
    "D0GTQ-oVNp40PcaWy7wD6qSwnWHHunVWagCnB0vxnR2VEkY3VKxluV7xlJLJ7GYtd5MeWLH3VUH2Ymut3gs"
#define GOOD                                                                                   \
    "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsxIn0.eyJzdWIiOiJ1c2VyXzEifQ.rVhytSXU1J26G" \
    "R_CpcXBeZXlnJAqgAJZ_6m3Vxs58Kt-Pvmch8pQy4UMSp1OeIpcyPjugjeF0_01m3PGwxOwTtg6YY7MBqUpuYnL-" \
    "TRV8vCa3aQHusIcVnOKk-qqECQ7Jxy6lDrDm9uqJUayDYYRXeZZ32nBjFzIrbQh3blK-C55IlgFnZKLk09NXtZMj" \
    "_O484LhztzsDygr8rD4ufTO8UgJPfh_t50JXIK6IqVOexR-ngTnuyY24dpxWNQBgnXJ5s-FybBUEqkPeQkj3mOg3" \
    "vVwHIrASCr9lnxwRGARYYmPJYuJKAX5gOcC1ILPLWd3bRnwEnAzN1kokJifJLqDBw"
#define NONE                                                                                   \
    "eyJhbGciOiJub25lIiwidHlwIjoiSldUIiwia2lkIjoiazEifQ.eyJzdWIiOiJ1c2VyXzEifQ.qXiGr6FsB-3GeS" \
    "lTtG6E9PYw-jZ7GB7qO847rbF4Hsj8ITT_BAgeUQGGUFg1HtvimmpMSP0e9HAC5_LklL3iRei-0v9wxlF73I4QUi" \
    "umu_FgT-h-_YYWNdhZQk9jHQL2BaxX8GJMneetTC29Hu09yYDVfyLQPZ_Jt8RqTOxnJ77tVid3pK0YXTu5wbux-X" \
    "_iBc37Ux0F6uJewvpigjhwUH6IWERUV1fzQIfQ0gnKtdkT_0xjXTXpRiq0KHyTKe6CwssFzpxOm5G3GZSoZwZZ_M" \
    "vAX2satXOzoMvGy5wXGSmzIoFeEt4AiWOme3HeVI8BgweyHa3TtrJKcTMcqgtGJw"
#define HS256                                                                                  \
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsxIn0.eyJzdWIiOiJ1c2VyXzEifQ.OnNxzm8SaZeGA" \
    "5Go-xDucxFVhSt-oblSkPQ32e_MuZ9eJDrLm8ZC-I28x4ZOdEI6DK2CFwnzQFHekkPuXTEUI5kZcHffrYVjIfGal" \
    "7OetDPRbondNeYNE3bFU0lxnCafHtjDlKpdPn9x7YHikmlVQEXSM-5qjZjPpFo6hrROzRzwSxMxQ2083VpfkhvPd" \
    "GYAOtkKfIFachmcEmEygZXF2RoPjsF1k412lPjnYBatDfN038I0iUYseevDqPXX_3zPyHQhyofDlkkvMcPCrluKC" \
    "c-CygWhnD8QvWbnDkg9Hh7HrxAXWl33FqFvDfk0aiuDoGZh80jbpN4q7YXYiY6uhQ"
#define CRIT                                                                                   \
    "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsxIiwiY3JpdCI6WyJleHAiXX0.eyJzdWIiOiJ1c2Vy" \
    "XzEifQ.mSVPM2ONJcUOP_APkXSwEMDK-fQrjaLee7Zk6x5_7gvK5GnbK6V1cqOr5PZJySFDZmkrbG-USleD-lwRC" \
    "smYHrbRGtF5NZOb7BfXvqYrY347BfCM7xyhGAMcha_CF3_DY75g7EHmoe4_LtFYk_nDyir88nPFwuqH9a3YpaXlE" \
    "MfOJTvyvCtqKQ0pREg_WU-JHIJ8In_NYRD_0nQ6NT8j0iMHy4LfIpk8UsvV6_JGPgv7qRzQp9gxijfEQbEIXIeDm" \
    "6RUSL5W_Hl-o7BKQzhwu8OiMR6k8kbon_bpyuizNliLac1q-mnZ0EfJ0n8zfULipNx0aOIEMpor9JYaFbk3Pg"
#define NOKID                                                                                  \
    "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ1c2VyXzEifQ.jyD4R1n0u_9gDSq9-lE65789soGZzQbWyopjTl1ClHGe" \
    "bqUku9ewpE5-c61dQplZgcOXO9BVXQe_Y6rk-x9gKJtdtwZ1rvYExvIErIu2TCiVEPo72a4NOHW_wHokg6c2EbXl" \
    "5jpyIpkBbdF8SlSs4eLCP8du0rvwKLIdAX80b1kT3r7eyO4VVc0ttSnxqKDw02IyHvUC_3j8iltlfPtzzfWGc1On" \
    "BmwRdJIghQw_bBnel5BEsiwchNcRctxjiJhe-ceh2Oh2rsnh4ynX0A7-TL7X380FojjQQC-R5cafZjFnHDSqHR0J" \
    "JBhC7siOvi6jJAnRanSp1aYx6C_MAX9Esg"
#define OTHERKID                                                                               \
    "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsyIn0.eyJzdWIiOiJ1c2VyXzEifQ.Inc317ytOJ93E" \
    "IFmz7pnR4aPa1Q0PZCkGzBqhX0yMGmqzBmF9h8yojlmAUVGERi3zt9X4xjeSL183PvzmlVx0beXzOtMGkfBusSrg" \
    "Il_nKHMKkuLTXn9zZgF3BLYPjuhs-0VPQjTV6JTfBm8wMird8r-nnMNA6WFDquroC7Zs55ZoCKEx-FlNKR9auGiP" \
    "bACJUbEj1OA1m6E0EG7Bh-SVaeQ0bNlr4ak9nOHe471pXq8rd0FbuEZ39iMyrqLdOmVgh4HlLJSGYKiMcajGno9V" \
    "m1z7FiuXV_nVsCS9ANXlZd38eAhoh6vJSc-veYR9mwauso7BQPD_Pmkoy0SANm1oQ"

#define KEY(kid, n)                                                                     \
    "{\"kty\":\"RSA\",\"alg\":\"RS256\",\"use\":\"sig\",\"kid\":\"" kid "\",\"n\":\"" n \
    "\",\"e\":\"AQAB\"}"
#define SET(keys) "{\"keys\":[" keys "]}"

static kf_jwks *parse(const char *text, kf_err *err) {
    return kf_jwks_parse(text, strlen(text), err);
}

static bool verify(const kf_jwks *k, const char *jwt) {
    kf_err err = {0};
    bool ok = kf_jwks_verify(k, jwt, strlen(jwt), &err);
    assert_int_equal(err.code, ok ? KF_ERR_NONE : KF_ERR_NET_BAD_ANSWER);
    assert_int_equal(!err.what[0], ok);
    return ok;
}

static void sha256(void **state) {
    uint8_t out[32];
    char hex[65];
    kf_sha256("abc", 3, out);
    kf_hex(out, 32, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    kf_sha256(NULL, 0, out);
    kf_hex(out, 32, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void random_differs(void **state) {
    uint8_t a[32] = {0}, b[32] = {0}, zero[32] = {0};
    kf_random(a, sizeof a);
    kf_random(b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a);
    assert_memory_not_equal(a, zero, sizeof a);
}

static void right(void **state) {
    KF_AUTO(kf_jwks) k = parse(SET(KEY("k1", N)), NULL);
    assert_non_null(k);
    assert_true(verify(k, GOOD));
    assert_true(kf_jwks_knows(k, GOOD, strlen(GOOD)));
}

static void wrong(void **state) {
    static const char *const bad[] = {NONE,     HS256,    CRIT,     NOKID,   OTHERKID, "",
                                      ".",      "..",     "...",    "a.b.c", GOOD ".", GOOD "A",
                                      GOOD "=", GOOD " ", " " GOOD, "." GOOD};
    KF_AUTO(kf_jwks) k = parse(SET(KEY("k1", N)), NULL);
    for (size_t i = 0; i < KF_LEN(bad); i++) assert_false(verify(k, bad[i]));
    assert_false(kf_jwks_knows(k, OTHERKID, strlen(OTHERKID)));
    assert_false(kf_jwks_knows(k, NOKID, strlen(NOKID)));
    assert_false(kf_jwks_verify(NULL, GOOD, strlen(GOOD), NULL));
}

/* Every single changed character breaks it. */
static void every_change(void **state) {
    KF_AUTO(kf_jwks) k = parse(SET(KEY("k1", N)), NULL);
    char jwt[] = GOOD;
    for (size_t i = 0; i < sizeof jwt - 1; i++) {
        char was = jwt[i];
        jwt[i] = was == 'A' ? 'B' : 'A';
        assert_false(verify(k, jwt));
        jwt[i] = was;
    }
    assert_true(verify(k, jwt));
    for (size_t n = 0; n < sizeof jwt - 1; n++) assert_false(kf_jwks_verify(k, jwt, n, NULL));
}

/* The signature is right, but of a key under another name. */
static void kid_decides(void **state) {
    KF_AUTO(kf_jwks) k = parse(SET(KEY("k2", N)), NULL);
    assert_false(verify(k, GOOD));
    assert_true(verify(k, OTHERKID));
}

static void others_are_left_out(void **state) {
    KF_AUTO(kf_jwks)
    k = parse(SET("{\"kty\":\"EC\",\"kid\":\"k1\"},{\"kty\":\"RSA\"},"
                  "{\"kty\":\"RSA\",\"kid\":\"k1\",\"alg\":\"RS512\"},"
                  "{\"kty\":\"RSA\",\"kid\":\"k1\",\"use\":\"enc\"}," KEY("k1", N)),
              NULL);
    assert_true(verify(k, GOOD));
    KF_AUTO(kf_jwks) none = parse("{\"keys\":[]}", NULL);
    assert_non_null(none);
    assert_false(verify(none, GOOD));
}

static void broken_documents(void **state) {
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "{\"keys\":{}}",
        "{\"keys\":[",
        SET(KEY("k1", N) "," KEY("k1", N)),
        SET(KEY("k1", N1024)),
        SET(KEY("k1", "")),
        SET(KEY("k1", "!")),
        SET(KEY("k1", N "AAAAA")),
        SET("{\"kty\":\"RSA\",\"kid\":\"k1\",\"n\":\"" N "\"}"),
        SET("{\"kty\":\"RSA\",\"kid\":\"k1\",\"n\":\"" N "\",\"e\":\"AQ\"}"),
        SET("{\"kty\":\"RSA\",\"kid\":\"k1\",\"n\":\"" N "\",\"e\":\"AQAA\"}"),
        SET("{\"kty\":\"RSA\",\"kid\":\"k1\",\"n\":\"" N "\",\"e\":\"" N "\"}")};
    for (size_t i = 0; i < KF_LEN(bad); i++) {
        kf_err err = {0};
        assert_null(parse(bad[i], &err));
        assert_int_equal(err.code, KF_ERR_NET_BAD_ANSWER);
    }
}

static void limits(void **state) {
    KF_AUTO(kf_jwks) k = parse(SET(KEY("k1", N)), NULL);
    size_t n = 65 * 1024;
    KF_AUTO_CHARS big = malloc(n + 1);
    memset(big, 'A', n);
    big[n] = 0;
    big[10] = big[20] = '.';
    assert_false(verify(k, big));
    KF_AUTO_CHARS keys = kf_strdup("{\"keys\":[{}");
    for (int i = 0; i < 64; i++) {
        char *more = kf_strfmt("%s,{}", keys);
        free(keys);
        keys = more;
    }
    KF_AUTO_CHARS many = kf_strfmt("%s]}", keys);
    assert_null(parse(many, NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256),
        cmocka_unit_test(random_differs),
        cmocka_unit_test(right),
        cmocka_unit_test(wrong),
        cmocka_unit_test(every_change),
        cmocka_unit_test(kid_decides),
        cmocka_unit_test(others_are_left_out),
        cmocka_unit_test(broken_documents),
        cmocka_unit_test(limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
