/* What terminals send beside keys: every reply is swallowed whole, wherever a pause cuts it. Keys
 * and pastes arrive in any pieces. */
#include "base/str.h"
#include "golden.h"
#include "ui/common/actions.h"
#include "ui/tui/kernel/key_decoder.h"

#define ST "\033\\"
#define BEL "\007"

/* OSC 4, 10, 11, 12 and 52, XTVERSION, DA1 to DA3, CPR, DECRPM, DSR, XTGETTCAP, DECRQSS, mouse in
 * three encodings, focus, kitty's keyboard and graphics, window reports, colour scheme. */
static const char *const replies[] = {
    /* xterm 390 */
    "\033]10;rgb:e5e5/e5e5/e5e5" BEL,
    "\033]11;rgb:0000/0000/0000" ST,
    "\033P>|XTerm(390)" ST,
    "\033[?64;1;2;6;9;15;16;17;18;21;22;28c",
    "\033[>41;390;0c",
    "\033P!|00000000" ST,
    "\033[24;80R",
    "\033[?24;80;1R",
    "\033[?2026;2$y",
    "\033P1+r544e=787465726d" ST,
    "\033P1$r0;1;4m" ST,
    "\033P0$r" ST,
    "\033[<0;10;5M",
    "\033[<35;10;5m",
    "\033[M !!",
    "\033[M\x20\xc4\x80\xc4\x81",
    "\033[M qD",
    "\033[32;10;5M",
    "\033[8;24;80t",
    "\033]lxterm" ST,
    "\033]Lq" ST,
    "\033[0n",
    "\033[?13n",
    "\033[2;1;1;112;112;1;0x",
    "\033P1!u0" ST,
    /* kitty 0.35 */
    "\033[?1u",
    "\033[97;5u",
    "\033[57441;1:3u",
    "\033[113::113;1;113u",
    "\033_Gi=31;OK" ST,
    "\033P>|kitty(0.35.2)" ST,
    "\033[?62;52;c",
    "\033[>1;4000;35c",
    "\033]4;1;rgb:cccc/0403/0403" ST,
    "\033[?997;1n",
    "\033]21;foreground=rgb:ff/ff/ff" ST,
    "\033]99;i=1:p=?;q" ST,
    /* iTerm2 3.5 */
    "\033]10;rgb:c7c7/c7c7/c7c7" ST,
    "\033P>|iTerm2 3.5.4" ST,
    "\033[?62;4c",
    "\033[>0;95;0c",
    "\033P!|6954726D" ST,
    "\033]1337;ReportCellSize=17.0;8.0;2.0" ST,
    "\033[I",
    "\033[O",
    /* VTE 0.76 (GNOME Terminal) */
    "\033]11;rgb:1e1e/1e1e/1e1e" ST,
    "\033P>|VTE(7600)" ST,
    "\033[?65;1;9c",
    "\033[>65;7600;1c",
    "\033P!|7E565445" ST,
    "\033[?2004;1$y",
    "\033[1;1R",
    /* Konsole, Alacritty, foot, WezTerm */
    "\033P>|Konsole 24.02.1" ST,
    "\033[?62;1;4c",
    "\033[>1;115;0c",
    "\033]10;rgb:fcfc/fcfc/fcfc" ST,
    "\033[?6c",
    "\033[>0;2401;1c",
    "\033]11;rgb:1818/1818/1818" BEL,
    "\033]52;c;cXVpdA==" BEL,
    "\033P>|foot(1.17.2)" ST,
    "\033[?62;4;22;28;29c",
    "\033[>1;11702;0c",
    "\033P!|464f4f54" ST,
    "\033[?1016;2$y",
    "\033P>|WezTerm 20240203-110809-5046fc22" ST,
    "\033[?65;4;6;18;22c",
    "\033[>1;277;0c",
    "\033P!|00000000" ST,
    "\033[6;16;8t",
    "\033[4;384;640t",
    /* tmux, Windows Terminal, rxvt, mintty */
    "\033P>|tmux 3.4" ST,
    "\033[?1;2;4c",
    "\033[>84;0;0c",
    "\033[?61;6;7;14;21;22;23;24;28;32;42c",
    "\033[>0;10;1c",
    "\033P!|00000000" ST,
    "\033[17;29;0;1;8;1_",
    "\033[?1;2c",
    "\033[>82;20710;0c",
    "\033]11;rgb:0000/0000/0000" BEL,
    "\033[7;2~",
    "\033[27;5;113~",
    "\033[>77;30702;0c",
    "\033P>|mintty 3.7.2" ST,
    "\033]7770;13" BEL,
    /* none of these is known to any terminal */
    "\033^private" ST,
    "\033Xstring" ST,
    "\033_q" BEL,
    "\033]0;q\xe2\x80\x9c" ST,
    "\033O5q",
    "\033Oz",
    "\033[1;2;3;4;5;6;7;8;9;10;11;12;13;14;15;16;17;18;19;20;21;22q",
    "\x9b?62;c",
    "\xc2\x9b?62;c",
    "\x9d"
    "11;rgb:0/0/0\x9c",
    "\xc2\x9d"
    "11;rgb:0/0/0\xc2\x9c",
    "\x8fz",
    "\x90>|q" ST,
    "\x9fq" ST,
};

typedef struct seen {
    int key[64];
    size_t n, bad, pastes, lost;
    char pasted[KF_DECODER_PASTE + 1];
    size_t pasted_len;
} seen;

static void take(kf_key_decoder *d, seen *s) {
    kf_input in;
    while (kf_key_decoder_next(d, &in)) {
        if (in.kind == KF_INPUT_KEY && s->n < KF_LEN(s->key)) s->key[s->n++] = in.key;
        s->bad += in.kind == KF_INPUT_BAD;
        if (in.kind != KF_INPUT_PASTE) continue;
        s->pastes++;
        s->lost = in.lost;
        s->pasted_len = kf_secret_len(in.paste);
        memcpy(s->pasted, kf_secret_peek(in.paste), s->pasted_len);
        kf_secret_free(in.paste);
    }
}

static void feed(kf_key_decoder *d, seen *s, const char *p, size_t n) {
    while (n) {
        size_t k = n < KF_DECODER_CHUNK ? n : KF_DECODER_CHUNK;
        kf_key_decoder_feed(d, p, k);
        take(d, s);
        p += k, n -= k;
    }
}

static void wait_long(kf_key_decoder *d, seen *s) {
    kf_key_decoder_expire(d);
    take(d, s);
}

/* After it a key works: nothing is half open. */
static void check_over(kf_key_decoder *d, seen *s, const char *what, size_t cut) {
    size_t n = s->n;
    feed(d, s, "k", 1);
    wait_long(d, s);
    if (n || s->bad || s->pastes || s->n != 1 || s->key[0] != 'k')
        fail_msg("%s, cut at %zu: %zu keys, the first %#x, then %#x", what + 1, cut, n,
                 (unsigned)s->key[0], s->n ? (unsigned)s->key[s->n - 1] : 0);
}

static void a_reply_is_no_key(void **state) {
    for (size_t i = 0; i < KF_LEN(replies); i++) {
        const char *r = replies[i];
        size_t len = strlen(r);
        for (size_t cut = 0; cut <= len; cut++) {
            /* a pause after a lone Esc makes it the key: the next test */
            for (int pause = 0; pause < 2; pause++) {
                seen s = {0};
                kf_key_decoder *d = kf_key_decoder_new();
                if (pause && cut == 1 && r[0] == '\033') {
                    kf_key_decoder_free(d);
                    continue;
                }
                feed(d, &s, r, cut);
                if (pause) wait_long(d, &s);
                feed(d, &s, r + cut, len - cut);
                check_over(d, &s, r, cut);
                kf_key_decoder_free(d);
            }
        }
        seen s = {0};
        kf_key_decoder *d = kf_key_decoder_new();
        for (size_t k = 0; k < len; k++) {
            feed(d, &s, r + k, 1);
            if (k) wait_long(d, &s);
        }
        check_over(d, &s, r, len);
        kf_key_decoder_free(d);
    }
}

/* Esc has become a key, and what follows it is still no key. */
static void a_reply_after_a_late_esc(void **state) {
    for (size_t i = 0; i < KF_LEN(replies); i++) {
        const char *r = replies[i];
        if (r[0] != '\033' || r[1] == 'X' || kf_str_starts(r, "\033O5") ||
            kf_str_starts(r, "\033Oz"))
            continue; /* no terminal sends them */
        seen s = {0};
        kf_key_decoder *d = kf_key_decoder_new();
        feed(d, &s, r, 1);
        wait_long(d, &s);
        assert_int_equal(s.n, 1);
        assert_int_equal(s.key[0], KF_KEY_ESC);
        s.n = 0;
        feed(d, &s, r + 1, 1);
        feed(d, &s, r + 2, strlen(r + 2));
        check_over(d, &s, r, 1);
        kf_key_decoder_free(d);
    }
}

static void many_replies_at_once(void **state) {
    seen s = {0};
    kf_key_decoder *d = kf_key_decoder_new();
    for (size_t i = 0; i < KF_LEN(replies); i++) feed(d, &s, replies[i], strlen(replies[i]));
    check_over(d, &s, " all of them", 0);
    kf_key_decoder_free(d);
}

static void check_keys(const char *bytes, size_t n, const int *want, size_t k) {
    for (int cut = 0; cut < 2; cut++) {
        seen s = {0};
        kf_key_decoder *d = kf_key_decoder_new();
        kf_key_decoder_learn(d, "\033[7$", KF_KEY_NONE);
        kf_key_decoder_learn(d, "\033[M", KF_KEY_F1);
        kf_key_decoder_learn(d, "\013", KF_KEY_UP);
        kf_key_decoder_learn(d, "\003", KF_KEY_UP);
        kf_key_decoder_learn(d, "\033[", KF_KEY_UP);
        kf_key_decoder_learn(d, "\033[<", KF_KEY_UP);
        for (size_t i = 0; cut && i < n; i++) feed(d, &s, bytes + i, 1);
        if (!cut) feed(d, &s, bytes, n);
        wait_long(d, &s);
        if (s.n != k || memcmp(s.key, want, k * sizeof *want))
            fail_msg("%s: %zu keys, the first %#x", bytes + 1, s.n, (unsigned)s.key[0]);
        assert_int_equal(s.bad, 0);
        kf_key_decoder_free(d);
    }
}
#define KEYS(bytes, ...)                                            \
    check_keys(bytes, sizeof bytes - 1, (const int[]){__VA_ARGS__}, \
               sizeof((const int[]){__VA_ARGS__}) / sizeof(int))

static void keys_are_keys(void **state) {
    KEYS("\033[A\033OA\033[B\033[1;5C\033[3~", KF_KEY_UP, KF_KEY_UP, KF_KEY_DOWN, KF_KEY_CTRL_RIGHT,
         KF_KEY_DELETE);
    KEYS("\033[[A\033OQ\033[5~\033[Z", KF_KEY_F1, KF_KEY_F2, KF_KEY_PGUP, KF_KEY_BACKTAB);
    KEYS("\r\n\t\177\010\003", KF_KEY_ENTER, KF_KEY_ENTER, KF_KEY_TAB, 127, 8, 3);
    KEYS("\033", KF_KEY_ESC);
    KEYS("\033\033", KF_KEY_ESC, KF_KEY_ESC);
    KEYS("\033\033\033", KF_KEY_ESC, KF_KEY_ESC, KF_KEY_ESC);
    KEYS("\033\033k", KF_KEY_ESC, 'k' | KF_KEY_ALT);
    KEYS("\033b\033B\033\177\033\r", 'b' | KF_KEY_ALT, 'B' | KF_KEY_ALT, 127 | KF_KEY_ALT,
         13 | KF_KEY_ALT);
    KEYS("\033\xc3\xa9k", 0xe9 | KF_KEY_ALT, 'k');
    KEYS("\033\033[Ak\033\033OAk", 'k', 'k'); /* Alt-Up in rxvt and PuTTY */
    KEYS("\033\003", 3);
    KEYS("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 0xe9, 0x20ac, 0x1f600);
    /* of terminfo; what would end a report early is not learned */
    KEYS("\033[7$k\033[M\013\003\033[<0;1;1Mk", 'k', KF_KEY_F1, KF_KEY_UP, 3, 'k');
    /* a key in front of and behind a reply */
    KEYS("j\033[?62;cj\033]11;rgb:0/0/0\007\033[A", 'j', 'j', KF_KEY_UP);
    /* a reply that does not end keeps nobody in */
    KEYS("\033]11;\003", 3);
    KEYS("\033]11;q\033\033", KF_KEY_ESC);
    KEYS("\033P1q\rk", 'k');
    KEYS("\033[12\003\033O\003", 3, 3);
}

static void time_decides_a_lone_escape(void **state) {
    seen s = {0};
    kf_key_decoder *d = kf_key_decoder_new();
    feed(d, &s, "\033", 1);
    assert_true(kf_key_decoder_waits(d) == KF_WAIT_ESC && s.n == 0);
    wait_long(d, &s);
    assert_int_equal(kf_key_decoder_waits(d), KF_WAIT_WINDOW);
    wait_long(d, &s);
    assert_int_equal(kf_key_decoder_waits(d), KF_WAIT_NOTHING);
    assert_true(s.n == 1 && s.key[0] == KF_KEY_ESC);
    feed(d, &s, "]", 1);
    assert_true(s.n == 2 && s.key[1] == ']');
    feed(d, &s, "\033", 1);
    wait_long(d, &s);
    /* keys that begin like the rest of a reply; [ and ] go from tab to tab */
    s.n = 0;
    feed(d, &s, "]", 1);
    wait_long(d, &s);
    feed(d, &s, "]]", 2);
    assert_true(s.n == 3 && s.key[0] == ']' && s.key[2] == ']');
    feed(d, &s, "\033", 1);
    wait_long(d, &s);
    s.n = 0;
    feed(d, &s, "]]Ok", 4);
    assert_true(s.n == 4 && s.key[1] == ']' && s.key[2] == 'O' && s.key[3] == 'k');
    kf_key_decoder_free(d);
}

static void bytes_that_are_not_utf8(void **state) {
    static const char *const wrong[] = {"\xff",          "\xe9k",     "\xc3k",
                                        "\xc0\x80k",     "\xe2\x82k", "\xed\xa0\x80k",
                                        "\x80k",         "\xc2\x80k", "\xf4\x90\x80\x80k",
                                        "\xe0\x80\x80k", "\033\xffk"};
    for (size_t i = 0; i < KF_LEN(wrong); i++) {
        seen s = {0};
        kf_key_decoder *d = kf_key_decoder_new();
        feed(d, &s, wrong[i], strlen(wrong[i]));
        assert_true(s.bad > 0);
        assert_int_equal(s.n, i ? 1 : 0);
        kf_key_decoder_free(d);
    }
}

static void a_paste_is_one_thing(void **state) {
    static const char inside[] = "qD\r\n\003\032\033\033[A\033[201\033[200~\xff\x00y\033[201";
    seen s = {0};
    kf_key_decoder *d = kf_key_decoder_new();
    feed(d, &s, "\033[200~", 6);
    for (size_t i = 0; i < sizeof inside - 1; i++) {
        feed(d, &s, inside + i, 1);
        assert_int_equal(kf_key_decoder_waits(d), KF_WAIT_NOTHING);
        wait_long(d, &s);
    }
    assert_true(s.n == 0 && s.bad == 0 && s.pastes == 0);
    assert_int_equal(kf_key_decoder_inside(d), KF_INSIDE_PASTE);
    feed(d, &s, "\033[201", 5);
    wait_long(d, &s);
    feed(d, &s, "~k", 2);
    assert_true(s.pastes == 1 && s.n == 1 && s.key[0] == 'k');
    assert_int_equal(s.pasted_len, sizeof inside - 1);
    assert_memory_equal(s.pasted, inside, sizeof inside - 1);
    /* an end mark that begins nothing */
    feed(d, &s, "\033[201~k", 7);
    assert_true(s.n == 2 && s.pastes == 1);
    /* too long */
    feed(d, &s, "\033[200~", 6);
    for (int i = 0; i < KF_DECODER_PASTE + 5; i++) feed(d, &s, "a", 1);
    feed(d, &s, "\033[201~", 6);
    assert_true(s.pastes == 2 && s.pasted_len == KF_DECODER_PASTE && s.lost == 5 && s.n == 2);
    /* no end mark: Ctrl-C three times, and only alone */
    feed(d, &s, "\033[200~abc\003\003\003", 12);
    feed(d, &s, "\003", 1);
    feed(d, &s, "\003", 1);
    assert_int_equal(s.n, 2);
    feed(d, &s, "\003", 1);
    assert_true(s.n == 3 && s.key[2] == 3 && s.pastes == 2);
    feed(d, &s, "\033[200~abc", 9); /* freed in the middle */
    kf_key_decoder_free(d);
}

/* The three places where a reply did most harm. */
static void nothing_happens_on_the_screen(void **state) {
    for (int place = 0; place < 3; place++) {
        stage st;
        seen s = {0};
        stage_open_acme(&st);
        if (place) stage_signin(&st);
        if (place)
            stage_step(&st, place == 1
                                ? "{\"serial\":1,\"kind\":\"field\",\"field\":\"email\",\"acts\":["
                                  "\"submit\",\"back\"]}"
                                : "{\"serial\":1,\"kind\":\"field\",\"field\":\"totp\",\"acts\":["
                                  "\"submit\",\"back\"]}");
        kf_key_decoder *d = kf_key_decoder_new();
        for (size_t i = 0; i < KF_LEN(replies); i++) feed(d, &s, replies[i], strlen(replies[i]));
        feed(d, &s, "\033e\033q\033D\033b", 8);
        int calls = st.calls, stops = st.stops;
        KF_AUTO_CHARS before = stage_draw(&st, 24, 80);
        assert_int_equal(s.n, 4);
        for (size_t i = 0; i < s.n; i++) stage_key(&st, s.key[i]);
        assert_true(stage_shows(&st, "Alt-b does nothing here"));
        stage_wait(&st, 5000 * 4);
        assert_true(st.calls == calls && st.stops == stops && st.quit == -1);
        for (int i = 0; i < 4; i++) stage_wait(&st, 5000);
        KF_AUTO_CHARS after = stage_draw(&st, 24, 80);
        if (place) assert_string_equal(before, after); /* the list counts */
        kf_key_decoder_free(d);
        stage_close(&st);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reply_is_no_key),
        cmocka_unit_test(a_reply_after_a_late_esc),
        cmocka_unit_test(many_replies_at_once),
        cmocka_unit_test(keys_are_keys),
        cmocka_unit_test(time_decides_a_lone_escape),
        cmocka_unit_test(bytes_that_are_not_utf8),
        cmocka_unit_test(a_paste_is_one_thing),
        cmocka_unit_test(nothing_happens_on_the_screen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
