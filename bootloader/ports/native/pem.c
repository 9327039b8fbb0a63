/* Just enough of PEM and DER to find an RSA key's modulus and exponent: in every form of such a
 * key, public or private, they are the first INTEGER of at least 64 bytes and the one after it. */
#include <string.h>

#include "fail.h"
#include "settings.h"

#define PEM_MAX 16384

enum { DER_INTEGER = 0x02, DER_BIT_STRING = 0x03, DER_OCTET_STRING = 0x04, DER_SEQUENCE = 0x30 };

struct reader {
    const uint8_t *at, *end;
};

static size_t base64_decode(const char *text, uint8_t *to) {
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0;
    size_t length = 0;
    for (int held = 0; *text && *text != '-' && *text != '='; text++) {
        const char *digit = strchr(alphabet, *text);
        if (!digit)
            continue;
        bits = bits << 6 | (uint32_t)(digit - alphabet);
        held += 6;
        if (held >= 8) {
            held -= 8;
            to[length++] = (uint8_t)(bits >> held);
        }
    }
    return length;
}

/* The next element's tag; its content in `inner`; 0 at the end or when its length does not fit. */
static int next_element(struct reader *in, struct reader *inner) {
    if (in->end - in->at < 2)
        return 0;
    int tag = *in->at++;
    size_t length = *in->at++;
    if (length & 0x80) {
        size_t bytes = length & 0x7f;
        if (bytes == 0 || bytes > 3 || in->end - in->at < (long)bytes)
            return 0;
        for (length = 0; bytes; bytes--)
            length = length << 8 | *in->at++;
    }
    if ((size_t)(in->end - in->at) < length)
        return 0;
    *inner = (struct reader){.at = in->at, .end = in->at + length};
    in->at += length;
    return tag;
}

/* Moves past an INTEGER's sign byte. */
static size_t strip_sign(struct reader *integer) {
    while (integer->at < integer->end && *integer->at == 0)
        integer->at++;
    return (size_t)(integer->end - integer->at);
}

static bool find_key(struct reader in, struct settings *settings) {
    struct reader inner;
    struct rsa_key *key = &settings->boot.slot.key;
    for (int tag; (tag = next_element(&in, &inner)) != 0;) {
        if (tag == DER_BIT_STRING && inner.at < inner.end)
            inner.at++; /* the count of unused bits */
        if (tag == DER_SEQUENCE || tag == DER_OCTET_STRING || tag == DER_BIT_STRING) {
            if (find_key(inner, settings))
                return true;
        } else if (tag == DER_INTEGER && inner.end - inner.at >= RSA_MODULUS_MIN) {
            size_t length = strip_sign(&inner);
            const uint8_t *modulus = inner.at;
            if (length > sizeof settings->modulus || next_element(&in, &inner) != DER_INTEGER ||
                strip_sign(&inner) > 4)
                return false;
            memcpy(settings->modulus, modulus, length);
            key->modulus_length = (uint32_t)length;
            for (key->exponent = 0; inner.at < inner.end; inner.at++)
                key->exponent = key->exponent << 8 | *inner.at;
            return true;
        }
    }
    return false;
}

void pem_read(struct settings *settings, const char *path) {
    static uint8_t der[PEM_MAX];
    const char *begin = strstr(file_read(path, PEM_MAX), "-----BEGIN ");
    begin = begin ? strchr(begin, '\n') : NULL;
    size_t length = begin ? base64_decode(begin, der) : 0;
    if (!find_key((struct reader){.at = der, .end = der + length}, settings))
        fail("%s: no RSA key in PEM form (an encrypted one cannot be read here)", path);
}
