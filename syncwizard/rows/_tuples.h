/* The tuples of replication frames: where their values stand. Python: rows/tuples.py. */
#ifndef SYNCWIZARD_TUPLES
#define SYNCWIZARD_TUPLES
#include <Python.h>
#include <stdint.h>

/* Of a frame: an XLogData header, then the message: its kind, the relation's OID, what its first tuple is, the tuple. */
enum { MESSAGE_AT = 25, OID_AT = 26, MARK_AT = 30, TUPLE_AT = 31 };

static uint32_t four(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint64_t eight(const unsigned char *at)
{
    return (uint64_t)four(at) << 32 | four(at + 4);
}

/* One value of a tuple: where its length begins, and how many bytes it has with that; 0 for NULL, -1 for one not sent. */
typedef struct {
    const unsigned char *at;
    Py_ssize_t size;
} Column;

/* The columns of the tuple that begins at `at`, and where it ends; NULL where it is not of so many columns in these forms,
 * or ends early.
 */
static const unsigned char *tuple_at(const unsigned char *at, const unsigned char *end, Py_ssize_t columns,
                                     const unsigned char *forms, Column *found)
{
    if (end - at < 2 || at[0] << 8 != (columns & 0xff00) || at[1] != (columns & 0xff))
        return NULL;
    at += 2;
    for (Py_ssize_t column = 0; column < columns; column++) {
        if (at >= end)
            return NULL;
        unsigned char kind = *at++;
        if (kind == 'b' || kind == 't') {
            if (end - at < 4 || (uint64_t)four(at) > (uint64_t)(end - at - 4) || (kind == 't') != forms[column])
                return NULL;
            found[column].at = at;
            found[column].size = 4 + (Py_ssize_t)four(at);
            at += found[column].size;
        } else if (kind == 'n' || kind == 'u') {
            found[column].size = kind == 'n' ? 0 : -1;
        } else {
            return NULL;
        }
    }
    return at;
}

/* The columns of the first tuple of a frame; 0 where it has none of these. */
static int columns_of(
    const unsigned char *data, Py_ssize_t size, Py_ssize_t columns, const unsigned char *forms, Column *found)
{
    return size >= TUPLE_AT && tuple_at(data + TUPLE_AT, data + size, columns, forms, found) != NULL;
}

#endif
