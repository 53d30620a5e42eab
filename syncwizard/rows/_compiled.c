/* The innermost loops of the row path: replication messages to frames, frames to changes, tuples to rows of COPY.
 *
 * Every function does what the Python beside it does (postgres/messages.py, rows/pgoutput.py, rows/fold.py,
 * postgres/wire.py), for what comes by the thousand; whatever else comes ends its loop, and Python goes on from there.
 * So nothing is refused here, and no error has words here. tests/unit/test_compiled.py holds both to the same results.
 *
 * Source of the formats: PostgreSQL manual, "Streaming Replication Protocol", "Logical Replication Message Formats", and
 * COPY, "Binary Format". Only the limited API is used: one build serves every Python from 3.11 on.
 */
#define Py_LIMITED_API 0x030b0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "_sieve.h"
#include "_tuples.h"

/* Of a CopyData message: kind and length. */
enum { HEAD_BYTES = 5, BEGIN_BYTES = OID_AT + 20, COMMIT_BYTES = OID_AT + 25 };
/* What group() finds among the frames of a route. */
enum { SOME_INSERT = 1, SOME_UPDATE = 2, SOME_DELETE = 4, SOME_OLD = 8, SOME_LARGE = 16 };
enum { CACHED_ROUTES = 16 };

/* The bytes of a bytes object; NULL with an error for anything else. */
static const unsigned char *bytes_of(PyObject *object, Py_ssize_t *size)
{
    char *data;
    return PyBytes_AsStringAndSize(object, &data, size) < 0 ? NULL : (const unsigned char *)data;
}

/* take(data, at, last): the XLogData frames from `at` on, the position after them, and whether that is beyond `last`. */
static PyObject *take(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
{
    (void)self;
    if (count != 3)
        return PyErr_Format(PyExc_TypeError, "take needs 3 arguments");
    Py_ssize_t size, at = PyLong_AsSsize_t(arguments[1]), last = PyLong_AsSsize_t(arguments[2]);
    const unsigned char *data = bytes_of(arguments[0], &size);
    if (data == NULL || PyErr_Occurred())
        return NULL;
    PyObject *frames = PyList_New(0);
    if (frames == NULL)
        return NULL;
    int beyond = 0;
    while (!beyond && at >= 0 && size - at > HEAD_BYTES && data[at] == 'd') {
        uint32_t length = four(data + at + 1);
        if (length < HEAD_BYTES || length > size - at - 1 || data[at + HEAD_BYTES] != 'w')
            break;
        PyObject *frame = PyBytes_FromStringAndSize((const char *)data + at + HEAD_BYTES, length - 4);
        if (frame == NULL || PyList_Append(frames, frame) < 0) {
            Py_XDECREF(frame);
            Py_DECREF(frames);
            return NULL;
        }
        Py_DECREF(frame);
        at += 1 + (Py_ssize_t)length;
        beyond = at > last;
    }
    return Py_BuildValue("(NnO)", frames, at, beyond ? Py_True : Py_False);
}

/* What Decoder keeps of the transaction that is open or was last, and of the piece in the making. */
typedef struct {
    int in_transaction;
    unsigned long long final_lsn;
    long long committed;
    unsigned long transaction;
    Py_ssize_t weight;
    Py_ssize_t ended_weight;
} State;

typedef struct {
    uint32_t oid;
    PyObject *route; /* borrowed of the dictionary of routes; NULL: no entry */
    unsigned long long from_lsn;
    int sieved;
    Sieve sieve; /* its bytes are those of the dictionary of sieves */
} Cached;

/* The sieve of a relation: 1 where there is one, 0 where there is none, -1 with an error. */
static int sieve_of(PyObject *sieves, PyObject *oid, Sieve *sieve)
{
    PyObject *found = PyDict_GetItemWithError(sieves, oid);
    if (found == NULL)
        return PyErr_Occurred() ? -1 : 0;
    const char *program, *forms, *identity, *close;
    Py_ssize_t identities;
    if (!PyArg_ParseTuple(found, "Ky#y#y#y#i", &sieve->from_lsn, &program, &sieve->program_size, &forms,
                          &sieve->columns, &identity, &identities, &close, &sieve->close_size, &sieve->full))
        return -1;
    sieve->program = (const unsigned char *)program;
    sieve->forms = (const unsigned char *)forms;
    sieve->identity = (const unsigned char *)identity;
    sieve->close = (const unsigned char *)close;
    return sieve->columns == identities && sieve->columns <= MOST_COLUMNS;
}

/* The route of a relation whose changes are taken, or sieved; NULL for every other, and with an error when one occurs. */
static Cached *route_of(
    PyObject *routes, PyObject *sieves, Cached *cache, const unsigned char *oid, unsigned long long final_lsn)
{
    Cached *cached = cache + four(oid) % CACHED_ROUTES;
    if (cached->route == NULL || cached->oid != four(oid)) {
        PyObject *key = PyBytes_FromStringAndSize((const char *)oid, 4);
        if (key == NULL)
            return NULL;
        PyObject *found = PyDict_GetItemWithError(routes, key);
        PyObject *route = found == NULL ? NULL : PyTuple_GetItem(found, 0);
        PyObject *from = found == NULL ? NULL : PyTuple_GetItem(found, 1);
        cached->route = NULL;
        cached->sieved = route == NULL || from == NULL || route == Py_None ? -1 : sieve_of(sieves, key, &cached->sieve);
        Py_DECREF(key);
        if (cached->sieved < 0)
            return NULL;
        cached->from_lsn = cached->sieved ? cached->sieve.from_lsn : PyLong_AsUnsignedLongLong(from);
        if (PyErr_Occurred()) {
            /* Never: more than 64 bits. */
            if (PyErr_ExceptionMatches(PyExc_OverflowError))
                PyErr_Clear();
            return NULL;
        }
        cached->oid = four(oid);
        cached->route = route;
    }
    return final_lsn < cached->from_lsn ? NULL : cached;
}

static int begin(State *state, const unsigned char *frame, Py_ssize_t size, PyObject *changes, PyObject *ends)
{
    Py_ssize_t ended = 0, closed = PyList_Size(ends);
    if (closed) {
        PyObject *before = PyTuple_GetItem(PyList_GetItem(ends, closed - 1), 0);
        ended = before == NULL ? -1 : PyLong_AsSsize_t(before);
    }
    if (size < BEGIN_BYTES || state->in_transaction || PyList_Size(changes) != ended)
        return 0;
    state->final_lsn = eight(frame + OID_AT);
    state->committed = (long long)eight(frame + OID_AT + 8);
    state->transaction = four(frame + OID_AT + 16);
    state->in_transaction = 1;
    return 1;
}

static int commit(
    State *state, const unsigned char *frame, Py_ssize_t size, PyObject *changes, PyObject *ends, Py_ssize_t end_bytes)
{
    if (size < COMMIT_BYTES || !state->in_transaction || eight(frame + OID_AT + 1) != state->final_lsn)
        return 0;
    PyObject *end = Py_BuildValue(
        "(nKKL)", PyList_Size(changes), state->final_lsn, (unsigned long long)eight(frame + OID_AT + 9), state->committed);
    if (end == NULL || PyList_Append(ends, end) < 0) {
        Py_XDECREF(end);
        return -1;
    }
    Py_DECREF(end);
    state->in_transaction = 0;
    state->weight += end_bytes;
    state->ended_weight = state->weight;
    return 1;
}

static int change(PyObject *changes, PyObject *kind, PyObject *route, PyObject *frame)
{
    PyObject *made = PyTuple_Pack(3, kind, route, frame);
    if (made == NULL)
        return -1;
    int failed = PyList_Append(changes, made);
    Py_DECREF(made);
    return failed;
}

/* feed(frames, at, routes, sieves, changes, ends, state, commits, piece_bytes, overhead, end_bytes): takes frames from
 * `at` on, up to one that needs a closer look or fills the piece; (at, filled, state). `commits`: whether a commit is
 * only noted.
 */
static PyObject *feed(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
{
    (void)self;
    if (count != 11)
        return PyErr_Format(PyExc_TypeError, "feed needs 11 arguments");
    PyObject *frames = arguments[0], *routes = arguments[2], *sieves = arguments[3];
    PyObject *changes = arguments[4], *ends = arguments[5];
    State state;
    if (!PyArg_ParseTuple(arguments[6], "iKLknn", &state.in_transaction, &state.final_lsn, &state.committed,
                          &state.transaction, &state.weight, &state.ended_weight))
        return NULL;
    Py_ssize_t at = PyLong_AsSsize_t(arguments[1]), total = PyList_Size(frames);
    int commits = PyObject_IsTrue(arguments[7]), filled = 0;
    Py_ssize_t piece_bytes = PyLong_AsSsize_t(arguments[8]), overhead = PyLong_AsSsize_t(arguments[9]);
    Py_ssize_t end_bytes = PyLong_AsSsize_t(arguments[10]);
    if (PyErr_Occurred())
        return NULL;
    PyObject *kinds[3] = {PyLong_FromLong('I'), PyLong_FromLong('U'), PyLong_FromLong('D')};
    Cached cache[CACHED_ROUTES];
    memset(cache, 0, sizeof cache);
    int going = 1;
    while (going == 1 && at < total && !filled) {
        Py_ssize_t size;
        PyObject *frame = PyList_GetItem(frames, at);
        const unsigned char *data = frame == NULL ? NULL : bytes_of(frame, &size);
        if (data == NULL) {
            going = -1;
        } else if (size < MARK_AT) {
            going = 0;
        } else if (data[MESSAGE_AT] == 'I' || data[MESSAGE_AT] == 'U' || data[MESSAGE_AT] == 'D') {
            Cached *found = route_of(routes, sieves, cache, data + OID_AT, state.final_lsn);
            PyObject *kind = kinds[data[MESSAGE_AT] == 'I' ? 0 : data[MESSAGE_AT] == 'U' ? 1 : 2];
            int dropped = found != NULL && found->sieved ? drops(&found->sieve, data, size) : 0;
            if (found == NULL)
                going = PyErr_Occurred() ? -1 : 0;
            else if (dropped == ODD)
                going = 0;
            else if (!dropped && change(changes, kind, found->route, frame) < 0)
                going = -1;
            else if (!dropped) {
                state.weight += size + overhead;
                filled = state.weight >= piece_bytes;
            }
        } else if (data[MESSAGE_AT] == 'B') {
            going = begin(&state, data, size, changes, ends);
        } else if (data[MESSAGE_AT] == 'C' && commits) {
            going = commit(&state, data, size, changes, ends, end_bytes);
        } else {
            going = 0;
        }
        at += going == 1;
    }
    for (int each = 0; each < 3; each++)
        Py_XDECREF(kinds[each]);
    if (going < 0 || PyErr_Occurred())
        return NULL;
    return Py_BuildValue("(nO(iKLknn))", at, filled ? Py_True : Py_False, state.in_transaction, state.final_lsn,
                         state.committed, state.transaction, state.weight, state.ended_weight);
}

/* The bits of one change; -1 for a frame that ends before its first tuple. */
static int traits(PyObject *frame, Py_ssize_t large)
{
    Py_ssize_t size;
    const unsigned char *data = bytes_of(frame, &size);
    if (data == NULL || size < TUPLE_AT)
        return -1;
    int found = size > large ? SOME_LARGE : 0;
    switch (data[MESSAGE_AT]) {
    case 'I':
        return found | SOME_INSERT;
    case 'D':
        return found | SOME_DELETE;
    case 'U':
        return found | SOME_UPDATE | (data[MARK_AT] == 'N' ? 0 : SOME_OLD);
    }
    return -1;
}

/* group(changes, large): {route: [bits of all, frame, ...]}; None where one is no change of a row, or ends early. */
static PyObject *group(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
{
    (void)self;
    if (count != 2)
        return PyErr_Format(PyExc_TypeError, "group needs 2 arguments");
    Py_ssize_t total = PyList_Size(arguments[0]), large = PyLong_AsSsize_t(arguments[1]);
    PyObject *groups = PyErr_Occurred() ? NULL : PyDict_New();
    if (groups == NULL)
        return NULL;
    PyObject *known = NULL, *frames = NULL;
    int bits = 0, failed = 0, odd = 0;
    for (Py_ssize_t at = 0; at < total && !failed && !odd; at++) {
        PyObject *each = PyList_GetItem(arguments[0], at);
        if (each == NULL || !PyTuple_Check(each)) {
            odd = 1;
            break;
        }
        PyObject *route = PyTuple_GetItem(each, 1), *frame = PyTuple_GetItem(each, 2);
        int found = route == NULL || frame == NULL ? -1 : traits(frame, large);
        if (found < 0) {
            odd = 1;
            break;
        }
        if (route != known) {
            known = route;
            frames = PyDict_GetItemWithError(groups, route);
            bits = frames == NULL ? 0 : (int)PyLong_AsLong(PyList_GetItem(frames, 0));
            if (frames == NULL) {
                PyObject *made = PyList_New(1);
                failed = made == NULL || PyList_SetItem(made, 0, PyLong_FromLong(0)) < 0
                         || PyDict_SetItem(groups, route, made) < 0;
                Py_XDECREF(made);
                frames = made;
            }
        }
        if (!failed && (bits | found) != bits) {
            bits |= found;
            failed = PyList_SetItem(frames, 0, PyLong_FromLong(bits)) < 0;
        }
        failed = failed || PyList_Append(frames, frame) < 0;
    }
    if (odd && !failed) {
        PyErr_Clear();
        Py_DECREF(groups);
        Py_RETURN_NONE;
    }
    if (failed || PyErr_Occurred()) {
        Py_DECREF(groups);
        return NULL;
    }
    return groups;
}

static const char ABSENT[4] = {'\xff', '\xff', '\xff', '\xff'};

/* A value as rows have it. */
static PyObject *value_of(const Column *column)
{
    if (column->size < 0)
        Py_RETURN_NONE;
    if (column->size == 0)
        return PyBytes_FromStringAndSize(ABSENT, 4);
    return PyBytes_FromStringAndSize((const char *)column->at, column->size);
}

static PyObject *key_of(const Column *found, const Py_ssize_t *key, Py_ssize_t parts)
{
    if (parts == 1)
        return found[key[0]].size < 0 ? PyBytes_FromStringAndSize(NULL, 0) : value_of(found + key[0]);
    PyObject *made = PyTuple_New(parts);
    for (Py_ssize_t part = 0; made != NULL && part < parts; part++) {
        PyObject *value = value_of(found + key[part]);
        if (value == NULL || PyTuple_SetItem(made, part, value) < 0)
            Py_CLEAR(made);
    }
    return made;
}

/* Positions of columns, all of them below `columns`; freed by the caller. */
static Py_ssize_t *positions_of(PyObject *tuple, Py_ssize_t columns, Py_ssize_t *count)
{
    *count = PyTuple_Size(tuple);
    Py_ssize_t *positions = *count < 0 ? NULL : malloc((size_t)(*count + 1) * sizeof *positions);
    if (positions == NULL)
        return PyErr_Occurred() ? NULL : (Py_ssize_t *)PyErr_NoMemory();
    for (Py_ssize_t at = 0; at < *count; at++) {
        PyObject *item = PyTuple_GetItem(tuple, at);
        positions[at] = item == NULL ? -1 : PyLong_AsSsize_t(item);
        if (positions[at] < 0 || positions[at] >= columns) {
            free(positions);
            if (!PyErr_Occurred())
                PyErr_SetString(PyExc_ValueError, "a position beyond the columns");
            return NULL;
        }
    }
    return positions;
}

/* scan(frames, forms, key): the key in the first tuple of each frame, and whether all values were sent; None where a
 * tuple is none of a relation with these forms of columns (a byte each: 1 for text).
 */
static PyObject *scan(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
{
    (void)self;
    if (count != 3)
        return PyErr_Format(PyExc_TypeError, "scan needs 3 arguments");
    Py_ssize_t total = PyList_Size(arguments[0]), columns, parts;
    const unsigned char *forms = PyErr_Occurred() ? NULL : bytes_of(arguments[1], &columns);
    Py_ssize_t *key = forms == NULL ? NULL : positions_of(arguments[2], columns, &parts);
    if (key == NULL)
        return NULL;
    Column *found = malloc((size_t)(columns + 1) * sizeof *found);
    PyObject *keys = found == NULL ? PyErr_NoMemory() : PyList_New(0);
    int complete = 1, whole = 1;
    for (Py_ssize_t at = 0; keys != NULL && whole && at < total; at++) {
        Py_ssize_t size;
        PyObject *frame = PyList_GetItem(arguments[0], at);
        const unsigned char *data = frame == NULL ? NULL : bytes_of(frame, &size);
        if (data == NULL) {
            Py_CLEAR(keys);
        } else if ((whole = columns_of(data, size, columns, forms, found))) {
            for (Py_ssize_t column = 0; complete && column < columns; column++)
                complete = found[column].size >= 0;
            if (parts) {
                PyObject *made = key_of(found, key, parts);
                if (made == NULL || PyList_Append(keys, made) < 0)
                    Py_CLEAR(keys);
                Py_XDECREF(made);
            }
        }
    }
    free(found);
    free(key);
    if (keys != NULL && !whole) {
        Py_DECREF(keys);
        Py_RETURN_NONE;
    }
    return keys == NULL ? NULL : Py_BuildValue("(NO)", keys, complete ? Py_True : Py_False);
}

/* Some frames of a list, to be read without the interpreter's lock: the list keeps them alive. */
typedef struct {
    const unsigned char *data;
    Py_ssize_t size;
} Frame;

/* The rows of COPY; the bytes written, or -1 where a frame is not what scan() has seen. */
static Py_ssize_t write_rows(const Frame *frames, Py_ssize_t count, Py_ssize_t columns, const unsigned char *forms,
                             const Py_ssize_t *positions, Py_ssize_t parts, Column *found, char *into)
{
    char *at = into;
    for (Py_ssize_t frame = 0; frame < count; frame++) {
        if (!columns_of(frames[frame].data, frames[frame].size, columns, forms, found))
            return -1;
        *at++ = (char)(parts >> 8);
        *at++ = (char)parts;
        for (Py_ssize_t part = 0; part < parts; part++) {
            const Column *column = found + positions[part];
            if (column->size < 0)
                return -1;
            memcpy(at, column->size ? (const char *)column->at : ABSENT, column->size ? (size_t)column->size : 4);
            at += column->size ? column->size : 4;
        }
    }
    return at - into;
}

/* pack(frames, first, forms, positions, limit): rows of binary COPY of the first tuples of frames from the one at `first`
 * on, reduced to these positions, of about so many bytes, and the place of the first frame that is not in them.
 */
static PyObject *pack(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
{
    (void)self;
    if (count != 5)
        return PyErr_Format(PyExc_TypeError, "pack needs 5 arguments");
    Py_ssize_t total = PyList_Size(arguments[0]), at = PyLong_AsSsize_t(arguments[1]), columns, parts;
    Py_ssize_t limit = PyLong_AsSsize_t(arguments[4]);
    const unsigned char *forms = PyErr_Occurred() ? NULL : bytes_of(arguments[2], &columns);
    Py_ssize_t *positions = forms == NULL ? NULL : positions_of(arguments[3], columns, &parts);
    if (positions == NULL)
        return NULL;
    PyObject *result = NULL;
    /* Each frame needs more room than two bytes. */
    Py_ssize_t most = total - at < limit / 2 + 1 ? total - at : limit / 2 + 1;
    Frame *frames = most < 0 ? NULL : malloc((size_t)(most + 1) * sizeof *frames);
    Column *found = malloc((size_t)(columns + 1) * sizeof *found);
    char *rows = NULL;
    Py_ssize_t chosen = 0, room = 0, written = -1;
    if (frames == NULL || found == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    for (; at < total && room < limit; at++, chosen++) {
        PyObject *frame = PyList_GetItem(arguments[0], at);
        frames[chosen].data = frame == NULL ? NULL : bytes_of(frame, &frames[chosen].size);
        if (frames[chosen].data == NULL)
            goto done;
        /* A NULL has one byte in a frame, and four in a row. */
        room += 2 + frames[chosen].size + 4 * parts;
    }
    rows = malloc((size_t)room + 1);
    if (rows == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    Py_BEGIN_ALLOW_THREADS
    written = write_rows(frames, chosen, columns, forms, positions, parts, found, rows);
    Py_END_ALLOW_THREADS
    if (written < 0)
        PyErr_SetString(PyExc_ValueError, "a frame without the row that was seen in it");
    else
        result = Py_BuildValue("(y#n)", rows, written, at);
done:
    free(rows);
    free(found);
    free(frames);
    free(positions);
    return result;
}

static PyMethodDef METHODS[] = {
    {"take", (PyCFunction)(void (*)(void))take, METH_FASTCALL, "Frames of the messages that have come."},
    {"feed", (PyCFunction)(void (*)(void))feed, METH_FASTCALL, "Changes and ends of the frames."},
    {"group", (PyCFunction)(void (*)(void))group, METH_FASTCALL, "Frames by route."},
    {"scan", (PyCFunction)(void (*)(void))scan, METH_FASTCALL, "Keys of the frames."},
    {"pack", (PyCFunction)(void (*)(void))pack, METH_FASTCALL, "Rows of COPY of the frames."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT, .m_name = "_compiled", .m_doc = "The loops of the row path.", .m_size = -1, .m_methods = METHODS};

PyMODINIT_FUNC PyInit__compiled(void)
{
    return PyModule_Create(&MODULE);
}
