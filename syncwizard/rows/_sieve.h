/* Drops frames whose rows surely fail their table's condition. Python: rows/early.py, whose parts are this program's. */
#ifndef SYNCWIZARD_SIEVE
#define SYNCWIZARD_SIEVE
#include <string.h>

#include "_tuples.h"

/* What decides whether a frame is dropped right behind the decoder (rows/sieve.py). */
typedef struct {
    unsigned long long from_lsn;
    const unsigned char *program, *forms, *identity, *close;
    Py_ssize_t program_size, columns, close_size;
    int full;
} Sieve;

/* Answers of a condition, as in rows/early_parts.py; ODD: Python has to look. */
enum { FALSE = 0, TRUE = 1, UNKNOWN = 2, OPEN = 3, ODD = -1 };
enum { MOST_DEPTH = 64, NEGATIVE = 0x4000, MOST_COLUMNS = 1664 };

static int two(const unsigned char *at)
{
    return at[0] << 8 | at[1];
}

/* The significant groups of a numeric in binary form, and the weight of the first; 0 where it is none. */
typedef struct {
    const unsigned char *groups;
    Py_ssize_t count;
    int weight, sign;
} Numeric;

static int numeric_of(const unsigned char *data, Py_ssize_t size, Numeric *found)
{
    if (size < 8 || size != 8 + 2 * (Py_ssize_t)two(data))
        return 0;
    found->groups = data + 8;
    found->count = two(data);
    found->weight = (int16_t)two(data + 2);
    found->sign = two(data + 4);
    for (Py_ssize_t group = 0; group < found->count; group++)
        if (two(found->groups + 2 * group) > 9999)
            return 0;
    for (; found->count && !two(found->groups); found->groups += 2, found->count--)
        found->weight--;
    while (found->count && !two(found->groups + 2 * (found->count - 1)))
        found->count--;
    return 1;
}

/* Below zero, zero, or above it, as one is lower than the other, equal, or higher. */
static int numerics_compared(const Numeric *one, const Numeric *other)
{
    int signs[2] = {one->count ? one->sign == NEGATIVE ? -1 : 1 : 0, other->count ? other->sign == NEGATIVE ? -1 : 1 : 0};
    if (signs[0] != signs[1] || !signs[0])
        return signs[0] - signs[1];
    if (one->weight != other->weight)
        return one->weight < other->weight ? -signs[0] : signs[0];
    Py_ssize_t common = one->count < other->count ? one->count : other->count;
    int found = memcmp(one->groups, other->groups, (size_t)common * 2);
    if (!found)
        found = (one->count > other->count) - (one->count < other->count);
    return found < 0 ? -signs[0] : found > 0 ? signs[0] : 0;
}

/* A value by a constant: `taken` has bits for lower (1), equal (2), higher (4). */
static int value_compared(const Column *column, char form, int taken, const unsigned char *constant, Py_ssize_t length)
{
    if (column->size <= 0)
        return column->size ? OPEN : UNKNOWN;
    const unsigned char *data = column->at + 4;
    Py_ssize_t size = column->size - 4;
    int order;
    if (form == '=') {
        order = memcmp(data, constant, (size_t)(size < length ? size : length));
        order = order ? order : (size > length) - (size < length);
    } else if (form == '?') {
        order = (size == 1 && data[0] == 1) - constant[0];
    } else if (form == 'n') {
        Numeric one, other;
        if (!numeric_of(data, size, &one) || !numeric_of(constant, length, &other))
            return ODD;
        if (one.sign != 0 && one.sign != NEGATIVE)
            return OPEN;
        order = numerics_compared(&one, &other);
    } else {
        if (size != form - '0')
            return ODD;
        int64_t wanted = (int64_t)eight(constant);
        int64_t value = form == '8' ? (int64_t)eight(data) : form == '4' ? (int32_t)four(data) : (int16_t)two(data);
        order = (value > wanted) - (value < wanted);
    }
    return taken & (order < 0 ? 1 : order ? 4 : 2) ? TRUE : FALSE;
}

/* AND or OR of two answers. */
static int answers_joined(int one, int other, int decides)
{
    if (one == decides || other == decides)
        return decides;
    if (one == OPEN || other == OPEN)
        return OPEN;
    return one == UNKNOWN || other == UNKNOWN ? UNKNOWN : !decides;
}

/* The answer of the program for a row, of which only `known` columns count where that is given. */
static int answer_of(const Sieve *sieve, const Column *row, const unsigned char *known)
{
    static const Column UNSENT = {NULL, -1};
    int answers[MOST_DEPTH], depth = 0;
    const unsigned char *at = sieve->program, *end = at + sieve->program_size;
    while (at < end) {
        char part = (char)*at++;
        if (part == 'A') {
            answers[depth++] = *at++;
        } else if (part == '!') {
            if (answers[depth - 1] <= TRUE)
                answers[depth - 1] = !answers[depth - 1];
        } else if (part == '&' || part == '|') {
            depth--;
            answers[depth - 1] = answers_joined(answers[depth - 1], answers[depth], part == '&' ? FALSE : TRUE);
        } else {
            int place = two(at);
            const Column *column = known == NULL || known[place] ? row + place : &UNSENT;
            at += 2;
            if (part == 'N') {
                answers[depth++] = column->size < 0 ? OPEN : column->size ? at[1] : at[0];
                at += 2;
            } else {
                Py_ssize_t length = (Py_ssize_t)four(at + 2);
                int answer = value_compared(column, (char)at[0], at[1], at + 6, length);
                if (answer == ODD)
                    return ODD;
                answers[depth++] = answer;
                at += 6 + length;
            }
        }
    }
    return depth ? answers[0] : TRUE;
}

static int fails(int answer)
{
    return answer == FALSE || answer == UNKNOWN;
}

/* Whether the rows of a change fail, before and after, as `Early.drops` says; ODD: Python has to look. */
static int drops(const Sieve *sieve, const unsigned char *data, Py_ssize_t size)
{
    Column first[MOST_COLUMNS], second[MOST_COLUMNS];
    if (size < TUPLE_AT || memchr(sieve->close, data[MESSAGE_AT], (size_t)sieve->close_size) != NULL)
        return ODD;
    if (!sieve->program_size)
        return 0;
    const unsigned char *end = data + size;
    const unsigned char *after = tuple_at(data + TUPLE_AT, end, sieve->columns, sieve->forms, first);
    if (after == NULL)
        return ODD;
    const unsigned char *known = sieve->full ? NULL : sieve->identity;
    int answer;
    if (data[MESSAGE_AT] != 'U') {
        answer = answer_of(sieve, first, data[MESSAGE_AT] == 'I' ? NULL : known);
        return answer == ODD ? ODD : fails(answer);
    }
    if (data[MARK_AT] == 'N') {
        /* The key is as it was, and nothing else is known of the row before. */
        answer = answer_of(sieve, first, NULL);
        if (answer == ODD || !fails(answer))
            return answer == ODD ? ODD : 0;
        answer = answer_of(sieve, first, sieve->identity);
        return answer == ODD ? ODD : fails(answer);
    }
    if (after >= end || *after != 'N' || tuple_at(after + 1, end, sieve->columns, sieve->forms, second) == NULL)
        return ODD;
    for (Py_ssize_t column = 0; sieve->full && column < sieve->columns; column++)
        if (second[column].size < 0)
            second[column] = first[column];
    answer = answer_of(sieve, second, NULL);
    if (answer == ODD || !fails(answer))
        return answer == ODD ? ODD : 0;
    answer = answer_of(sieve, first, known);
    return answer == ODD ? ODD : fails(answer);
}

#endif
