/* The decoder from a terminal's bytes to keys and pastes: a state machine. It has no clock, and
 * swallows sequences that are not keys. */
#include "ui/tui/kernel/key_decoder.h"
#include "base/mem.h"
#include "base/str.h"
#include "ui/common/actions.h"

enum { ESC = 0x1b, BEL = 7, CTRL_C = 3, DEL = 0x7f, SEQ_MAX = 32, PASTE_KEY = -2 };
#define PASTE_END "\033[201~"

typedef enum state {
    GROUND,
    CHARACTER, /* in a UTF-8 character */
    ESCAPE,
    ESCAPE_TWICE,
    LATE, /* the first byte of the rest of a sequence whose Esc was taken for the key */
    CSI,
    CSI_BRACKET, /* the Linux console's F1 to F5: CSI [ and a letter */
    SS3,
    MOUSE, /* CSI M and three characters */
    MOUSE_TAIL,
    STRING, /* OSC, DCS, APC, PM, SOS */
    STRING_ESCAPE,
    PASTE
} state;

typedef struct row {
    char seq[SEQ_MAX];
    size_t n;
    int key;
} row;

struct kf_key_decoder {
    row row[KF_DECODER_KEYS];
    size_t n_row;
    unsigned char in[KF_DECODER_CHUNK];
    size_t in_at, in_n;
    kf_input out[3]; /* a byte ends two things and is a key itself, at most */
    size_t n_out;
    state state;
    char seq[SEQ_MAX]; /* from Esc on */
    size_t n_seq;      /* SEQ_MAX: it is not a known one */
    size_t n_body;     /* bytes behind the introducer of a CSI */
    char ch[4];        /* a character so far */
    size_t n_ch, want;
    bool alt;        /* the character was typed with Alt */
    bool eight_bits; /* the string began with a C1 control and may end with one */
    bool after_esc;  /* the last key was an Esc that time decided */
    unsigned char intro;
    int mouse; /* characters of a report still to come */
    bool lead; /* the report's last byte began a character of two */
    kf_secret *paste;
    size_t n_paste, lost, mark; /* bytes kept, not kept, and of the end mark */
    int leave;                  /* Ctrl-C that came alone, in a row */
};

static void learn_xterm(kf_key_decoder *d) {
    static const struct {
        const char *seq;
        int key;
    } all[] = {
        {"\033[A", KF_KEY_UP},           {"\033[B", KF_KEY_DOWN},
        {"\033[C", KF_KEY_RIGHT},        {"\033[D", KF_KEY_LEFT},
        {"\033[H", KF_KEY_HOME},         {"\033[F", KF_KEY_END},
        {"\033OA", KF_KEY_UP},           {"\033OB", KF_KEY_DOWN},
        {"\033OC", KF_KEY_RIGHT},        {"\033OD", KF_KEY_LEFT},
        {"\033OH", KF_KEY_HOME},         {"\033OF", KF_KEY_END},
        {"\033OP", KF_KEY_F1},           {"\033OQ", KF_KEY_F2},
        {"\033OM", KF_KEY_ENTER},        {"\033[1~", KF_KEY_HOME},
        {"\033[4~", KF_KEY_END},         {"\033[7~", KF_KEY_HOME},
        {"\033[8~", KF_KEY_END},         {"\033[3~", KF_KEY_DELETE},
        {"\033[5~", KF_KEY_PGUP},        {"\033[6~", KF_KEY_PGDN},
        {"\033[11~", KF_KEY_F1},         {"\033[12~", KF_KEY_F2},
        {"\033[[A", KF_KEY_F1},          {"\033[[B", KF_KEY_F2},
        {"\033[Z", KF_KEY_BACKTAB},      {"\033[1;5C", KF_KEY_CTRL_RIGHT},
        {"\033[1;5D", KF_KEY_CTRL_LEFT}, {"\033[200~", PASTE_KEY},
    };
    for (size_t i = 0; i < KF_LEN(all); i++) kf_key_decoder_learn(d, all[i].seq, all[i].key);
}

kf_key_decoder *kf_key_decoder_new(void) {
    kf_key_decoder *d = kf_new(kf_key_decoder);
    learn_xterm(d);
    return d;
}

kf_key_decoder *kf_key_decoder_free(kf_key_decoder *d) {
    if (!d) return NULL;
    for (size_t i = 0; i < d->n_out; i++) kf_secret_free(d->out[i].paste);
    kf_secret_free(d->paste);
    kf_wipe(d, sizeof *d);
    free(d);
    return NULL;
}

/* Where a learned sequence may end. A control character is one by itself; Enter, Tab, Esc, Ctrl-C
 * and Ctrl-Z keep their meaning. */
static bool ends_well(const char *s, size_t n) {
    unsigned char last = (unsigned char)s[n - 1];
    if (n == 1) return (last < 0x20 || last == DEL) && !strchr("\033\r\t\003\032", last);
    if (s[0] != ESC) return false;
    if (n == 2) return !strchr("[O]PX^_\033", s[1]);
    if (s[1] == '[') return (last >= 0x40 && last < DEL && (n > 3 || last != '[')) || last == '$';
    return s[1] != ']' && s[1] != 'P' && s[1] != 'X' && s[1] != '^' && s[1] != '_';
}

void kf_key_decoder_learn(kf_key_decoder *d, const char *seq, int key) {
    size_t n = strlen(seq);
    if (!n || n >= SEQ_MAX || d->n_row == KF_DECODER_KEYS || !ends_well(seq, n)) return;
    for (size_t i = 0; i < d->n_row; i++) {
        const row *r = &d->row[i];
        if (!memcmp(r->seq, seq, r->n < n ? r->n : n)) return;
    }
    row *r = &d->row[d->n_row++];
    memcpy(r->seq, seq, n);
    r->n = n;
    r->key = key;
}

static const row *find_row(const kf_key_decoder *d) {
    for (size_t i = 0; i < d->n_row && d->n_seq < SEQ_MAX; i++)
        if (d->row[i].n == d->n_seq && !memcmp(d->row[i].seq, d->seq, d->n_seq)) return &d->row[i];
    return NULL;
}

static void emit(kf_key_decoder *d, kf_input in) {
    if (d->n_out < KF_LEN(d->out)) d->out[d->n_out++] = in;
}

static void emit_key(kf_key_decoder *d, int key) {
    emit(d, (kf_input){.kind = KF_INPUT_KEY, .key = key});
}

static void emit_bad(kf_key_decoder *d) { emit(d, (kf_input){.kind = KF_INPUT_BAD}); }

static void begin(kf_key_decoder *d, state s, const char *seq) {
    d->state = s;
    d->n_seq = strlen(seq);
    memcpy(d->seq, seq, d->n_seq);
    d->n_body = 0;
    d->eight_bits = false;
}

static void add(kf_key_decoder *d, unsigned char b) {
    if (d->n_seq < SEQ_MAX - 1) d->seq[d->n_seq++] = (char)b;
    else d->n_seq = SEQ_MAX;
}

static void begin_paste(kf_key_decoder *d) {
    d->state = PASTE;
    d->paste = kf_secret_zero(KF_DECODER_PASTE);
    d->n_paste = d->lost = d->mark = 0;
    d->leave = 0;
}

/* What came so far is a sequence that is known. */
static bool is_known(kf_key_decoder *d) {
    const row *r = find_row(d);
    if (!r) return false;
    d->state = GROUND;
    if (r->key == PASTE_KEY) begin_paste(d);
    else if (r->key != KF_KEY_NONE) emit_key(d, r->key);
    return true;
}

/* The 8-bit forms of the introducers. No terminal sends one for a key. */
static void take_c1(kf_key_decoder *d, unsigned c) {
    switch (c) {
    case 0x9b: begin(d, CSI, "\033["); return;
    case 0x8f: begin(d, SS3, "\033O"); return;
    case 0x90: /* DCS, SOS, OSC, PM, APC */
    case 0x98:
    case 0x9d:
    case 0x9e:
    case 0x9f:
        begin(d, STRING, "");
        d->eight_bits = true;
        return;
    default: d->state = GROUND; emit_bad(d);
    }
}

static void begin_character(kf_key_decoder *d, unsigned char b, bool alt) {
    d->state = GROUND;
    d->alt = alt;
    if (b < 0xc2 || b > 0xf4) {
        if (b < 0xa0 && !alt) take_c1(d, b);
        else emit_bad(d);
        return;
    }
    d->state = CHARACTER;
    d->ch[0] = (char)b;
    d->n_ch = 1;
    d->want = b < 0xe0 ? 2 : b < 0xf0 ? 3 : 4;
}

static void at_ground(kf_key_decoder *d, unsigned char b) {
    bool late = d->after_esc;
    d->after_esc = false;
    d->state = GROUND;
    if (b == ESC) begin(d, ESCAPE, "\033");
    else if (late && b && strchr("[]OP^_", b)) d->state = LATE, d->intro = b;
    else if (b >= 0x80) begin_character(d, b, false);
    else {
        d->n_seq = 1;
        d->seq[0] = (char)b;
        if (!is_known(d)) emit_key(d, b == '\n' ? KF_KEY_ENTER : b);
    }
}

static void in_character(kf_key_decoder *d, unsigned char b) {
    if ((b & 0xc0) != 0x80) {
        emit_bad(d);
        at_ground(d, b);
        return;
    }
    d->ch[d->n_ch++] = (char)b;
    if (d->n_ch < d->want) return;
    static const unsigned char first[] = {0, 0, 0x1f, 0x0f, 0x07};
    unsigned c = (unsigned char)d->ch[0] & first[d->want];
    for (size_t i = 1; i < d->want; i++) c = c << 6 | ((unsigned char)d->ch[i] & 0x3f);
    bool good = kf_utf8_len(d->ch, d->want) == d->want;
    kf_wipe(d->ch, sizeof d->ch);
    d->state = GROUND;
    if (!good) emit_bad(d);
    else if (c < 0xa0) take_c1(d, c);
    else emit_key(d, (int)c | (d->alt ? KF_KEY_ALT : 0));
}

static void after_escape(kf_key_decoder *d, unsigned char b) {
    add(d, b);
    if (is_known(d)) return;
    switch (b) {
    case '[': d->state = CSI; return;
    case 'O': d->state = SS3; return;
    case ']':
    case 'P':
    case 'X':
    case '^':
    case '_': d->state = STRING; return;
    case ESC: d->state = ESCAPE_TWICE; return;
    default: break;
    }
    d->state = GROUND;
    if (b >= 0x80) begin_character(d, b, true);
    else emit_key(d, b == CTRL_C ? CTRL_C : b | KF_KEY_ALT);
}

/* Alt and a key of several bytes, in rxvt and PuTTY; or Esc twice. */
static void after_escape_twice(kf_key_decoder *d, unsigned char b) {
    if (b == '[' || b == 'O') {
        d->state = b == '[' ? CSI : SS3;
        d->n_seq = SEQ_MAX;
        return;
    }
    emit_key(d, KF_KEY_ESC);
    if (b == ESC) return;
    begin(d, ESCAPE, "\033");
    after_escape(d, b);
}

/* What follows a late introducer in sequences that exist. */
static bool is_rest(unsigned char intro, unsigned char b) {
    switch (intro) {
    case '[': return (b >= 0x30 && b < 0x40) || (b >= 'A' && b <= 'Z');
    case ']': return (b >= '0' && b <= '9') || b == 'l' || b == 'L';
    case 'O': return b && strchr("ABCDFHMPQRS", b);
    case 'P': return b && strchr("0123456789!>|$+=", b);
    default: return b >= 0x20 && b < DEL && b != intro;
    }
}

/* Ctrl-C leaves from everywhere but a paste. Any other control character gives up a sequence: a
 * terminal that stops in the middle of one must not keep the person out. */
static void give_up(kf_key_decoder *d, unsigned char b) {
    d->state = GROUND;
    if (b == CTRL_C) emit_key(d, CTRL_C);
    else if (b == ESC) begin(d, ESCAPE, "\033");
    else if (b >= 0x80) at_ground(d, b);
}

static void in_csi(kf_key_decoder *d, unsigned char b) {
    if (b < 0x20 || b >= DEL) {
        give_up(d, b);
        return;
    }
    add(d, b);
    d->n_body++;
    if (is_known(d) || b < 0x40) return;
    d->state = GROUND;
    if (d->n_body == 1 && b == '[') d->state = CSI_BRACKET;
    if (d->n_body == 1 && b == 'M') d->state = MOUSE, d->mouse = 3, d->lead = false;
}

static void in_ss3(kf_key_decoder *d, unsigned char b) {
    if (b < 0x20 || b >= DEL) {
        give_up(d, b);
        return;
    }
    add(d, b);
    if (is_known(d) || (b >= 0x30 && b < 0x40)) return;
    d->state = GROUND;
}

/* Coordinates are bytes, or characters of two bytes. */
static void in_mouse(kf_key_decoder *d, unsigned char b) {
    bool tail = d->lead && b >= 0x80 && b < 0xc0;
    if (b < 0x20 || (d->state == MOUSE_TAIL && !tail)) {
        d->state = GROUND;
        if (b < 0x20) give_up(d, b);
        else at_ground(d, b);
        return;
    }
    d->lead = !tail && b >= 0xc2 && b < 0xe0;
    if (!tail) d->mouse--;
    if (d->mouse <= 0) d->state = d->lead ? MOUSE_TAIL : GROUND;
}

static void in_string(kf_key_decoder *d, unsigned char b) {
    if (b == ESC) d->state = STRING_ESCAPE;
    else if (b == BEL || (d->eight_bits && b == 0x9c)) d->state = GROUND;
    else if (b < 0x20) give_up(d, b);
}

static void in_string_escape(kf_key_decoder *d, unsigned char b) {
    d->state = GROUND;
    if (b == '\\') return;
    begin(d, ESCAPE, "\033"); /* another sequence; of two Esc the second may be the key */
    if (b != ESC) after_escape(d, b);
}

static void keep_pasted(kf_key_decoder *d, char c) {
    if (d->n_paste < KF_DECODER_PASTE) kf_secret_edit(d->paste)[d->n_paste++] = c;
    else d->lost++;
}

static void end_paste(kf_key_decoder *d) {
    d->state = GROUND;
    emit(d, (kf_input){.kind = KF_INPUT_PASTE,
                       .paste = kf_secret_new(kf_secret_peek(d->paste), d->n_paste),
                       .lost = d->lost});
    d->paste = kf_secret_free(d->paste);
}

/* Everything up to the end mark. If a terminal never sends one, Ctrl-C typed three times in a row
 * leaves: a paste does not arrive as three lone bytes. */
static void in_paste(kf_key_decoder *d, unsigned char b, bool alone) {
    d->leave = alone && b == CTRL_C ? d->leave + 1 : 0;
    if (d->leave == 3) {
        d->state = GROUND;
        d->paste = kf_secret_free(d->paste);
        emit_key(d, CTRL_C);
        return;
    }
    if (b != (unsigned char)PASTE_END[d->mark]) {
        for (size_t i = 0; i < d->mark; i++) keep_pasted(d, PASTE_END[i]);
        d->mark = 0;
    }
    if (b != (unsigned char)PASTE_END[d->mark]) keep_pasted(d, (char)b);
    else if (++d->mark == sizeof PASTE_END - 1) end_paste(d);
}

static void take_byte(kf_key_decoder *d, unsigned char b, bool alone) {
    switch (d->state) {
    case GROUND: at_ground(d, b); break;
    case CHARACTER: in_character(d, b); break;
    case ESCAPE: after_escape(d, b); break;
    case ESCAPE_TWICE: after_escape_twice(d, b); break;
    case LATE:
        if (!is_rest(d->intro, b)) {
            emit_key(d, d->intro);
            at_ground(d, b);
            break;
        }
        d->state = d->intro == '[' ? CSI : d->intro == 'O' ? SS3 : STRING;
        d->eight_bits = false;
        d->n_body = 0;
        d->n_seq = SEQ_MAX;
        take_byte(d, b, alone);
        break;
    case CSI: in_csi(d, b); break;
    case CSI_BRACKET:
        d->state = GROUND;
        add(d, b);
        if (!is_known(d) && (b < 0x20 || b >= DEL)) give_up(d, b);
        break;
    case SS3: in_ss3(d, b); break;
    case MOUSE:
    case MOUSE_TAIL: in_mouse(d, b); break;
    case STRING: in_string(d, b); break;
    case STRING_ESCAPE: in_string_escape(d, b); break;
    case PASTE: in_paste(d, b, alone); break;
    }
}

void kf_key_decoder_feed(kf_key_decoder *d, const void *bytes, size_t n) {
    d->in_at = 0;
    d->in_n = n < sizeof d->in ? n : sizeof d->in;
    memcpy(d->in, bytes, d->in_n);
}

bool kf_key_decoder_next(kf_key_decoder *d, kf_input *out) {
    while (!d->n_out && d->in_at < d->in_n) {
        unsigned char b = d->in[d->in_at];
        d->in[d->in_at++] = 0; /* may be of a password */
        take_byte(d, b, d->in_n == 1);
    }
    if (!d->n_out) return false;
    *out = d->out[0];
    d->n_out--;
    memmove(d->out, d->out + 1, d->n_out * sizeof *d->out);
    kf_wipe(d->out + d->n_out, sizeof *d->out);
    return true;
}

kf_decoder_wait kf_key_decoder_waits(const kf_key_decoder *d) {
    if (d->state == ESCAPE || d->state == ESCAPE_TWICE) return KF_WAIT_ESC;
    if (d->state == LATE) return KF_WAIT_REST;
    return d->after_esc ? KF_WAIT_WINDOW : KF_WAIT_NOTHING;
}

void kf_key_decoder_expire(kf_key_decoder *d) {
    kf_decoder_wait wait = kf_key_decoder_waits(d);
    d->after_esc = wait == KF_WAIT_ESC;
    if (wait != KF_WAIT_ESC && wait != KF_WAIT_REST) return;
    if (d->state == ESCAPE_TWICE) emit_key(d, KF_KEY_ESC);
    emit_key(d, wait == KF_WAIT_REST ? d->intro : KF_KEY_ESC);
    d->state = GROUND;
}

kf_decoder_inside kf_key_decoder_inside(const kf_key_decoder *d) {
    if (d->state == PASTE) return KF_INSIDE_PASTE;
    return d->state == STRING || d->state == STRING_ESCAPE ? KF_INSIDE_REPLY : KF_INSIDE_NOTHING;
}
