/* Segments: searching and finding in the mapped segments of an index and its newest changes. */
#include "pykernels.h"

#include <stdlib.h>

#include "records.h"
#include "segments.h"
#include "terms.h"

enum { ARRAYS = 6 };

/* The arrays of each segment stay mapped for as long as the buffers are held. */
typedef struct {
    PyObject_HEAD
    Py_ssize_t count;
    fp_segment *segments;
    Py_buffer *buffers;
} PySegments;

/* Map one (ids, positions, durations, starts, postings, dead, bits). */
static int open_segment(PyObject *tuple, fp_segment *segment, Py_buffer *buffers) {
    PyObject *arrays[ARRAYS];
    unsigned long long bits;
    if (!PyArg_ParseTuple(tuple, "OOOOOOK", &arrays[0], &arrays[1], &arrays[2], &arrays[3],
                          &arrays[4], &arrays[5], &bits)) {
        return 0;
    }
    static const Py_ssize_t widths[ARRAYS] = {4, 8, 2, 4, 4, 4};
    for (int i = 0; i < ARRAYS; i++) {
        if (PyObject_GetBuffer(arrays[i], &buffers[i], PyBUF_SIMPLE)) return 0;
        if (buffers[i].itemsize != widths[i] || buffers[i].len % widths[i]) {
            PyErr_SetString(PyExc_TypeError, "items of another width are needed");
            return 0;
        }
    }
    segment->ids = (fp_words){buffers[0].buf, (size_t)buffers[0].len / 4};
    segment->positions = buffers[1].buf;
    segment->durations = buffers[2].buf;
    segment->starts = (fp_words){buffers[3].buf, (size_t)buffers[3].len / 4};
    segment->postings = (fp_words){buffers[4].buf, (size_t)buffers[4].len / 4};
    segment->dead = (fp_words){buffers[5].buf, (size_t)buffers[5].len / 4};
    segment->bits = bits <= FP_MAX_BITS ? (unsigned)bits : FP_MAX_BITS + 1;
    if (fp_segment_fits(segment, (size_t)buffers[1].len / 8, (size_t)buffers[2].len / 2)) return 1;
    py_raise(FP_DAMAGED);
    return 0;
}

static int open_all(PySegments *self, PyObject *list) {
    self->count = py_list_size(list);
    if (self->count < 0) return 0;
    size_t room = (size_t)self->count + 1;
    self->segments = calloc(room, sizeof *self->segments);
    self->buffers = calloc(room, ARRAYS * sizeof *self->buffers);
    if (!self->segments || !self->buffers) {
        PyErr_NoMemory();
        return 0;
    }
    for (Py_ssize_t i = 0; i < self->count; i++) {
        PyObject *tuple = PyList_GetItem(list, i);
        Py_buffer *buffers = &self->buffers[i * ARRAYS];
        if (!tuple || !open_segment(tuple, &self->segments[i], buffers)) return 0;
    }
    return 1;
}

static PyObject *segments_new(PyTypeObject *type, PyObject *arguments, PyObject *names) {
    PyObject *list;
    (void)names;
    if (!PyArg_ParseTuple(arguments, "O:Segments", &list)) return NULL;
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    PySegments *self = (PySegments *)allocate(type, 0);
    if (self && !open_all(self, list)) Py_CLEAR(self);
    return (PyObject *)self;
}

static void segments_free(PyObject *object) {
    PySegments *self = (PySegments *)object;
    PyTypeObject *type = Py_TYPE(object);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    for (Py_ssize_t i = 0; self->buffers && i < self->count * ARRAYS; i++) {
        if (self->buffers[i].obj) PyBuffer_Release(&self->buffers[i]);
    }
    free(self->segments);
    free(self->buffers);
    release(object);
    Py_DECREF(type);
}

/* What a search is asked for. */
typedef struct {
    const fp_delta *delta;
    unsigned long long changes, limit, min_hits, min_percent, gather_limit;
    double seconds;
    uint32_t *terms;
    size_t count;
} Question;

static fp_status count_in_segments(const PySegments *self, const Question *asked, fp_hits *hits) {
    uint64_t postings;
    size_t number = (size_t)self->count;
    fp_status status =
        fp_count_postings(self->segments, number, asked->terms, asked->count, &postings);
    if (status != FP_OK) return status;
    PyThreadState *state = py_release(postings);
    status = fp_count_hits(self->segments, number, asked->terms, asked->count,
                           (size_t)asked->gather_limit, asked->seconds, hits);
    py_resume(state);
    return status;
}

static fp_status search(const PySegments *self, const Question *asked, fp_hits *hits) {
    fp_status status = count_in_segments(self, asked, hits);
    if (status == FP_OK && asked->changes) {
        size_t changes = (size_t)asked->changes;
        fp_delta_drop_touched(asked->delta, changes, hits);
        status = fp_delta_count_hits(asked->delta, asked->terms, asked->count, changes, hits);
    }
    if (status != FP_OK) return status;
    fp_hits_best(hits, asked->limit, asked->min_hits, asked->min_percent);
    return FP_OK;
}

/* Make a tuple of a type that adds only names to it: far quicker than by calling the type. */
static PyObject *make_pair(PyTypeObject *type, fp_hit hit) {
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    PyObject *pair = allocate(type, 2);
    if (!pair) return NULL;
    /* Setting takes the numbers over, even where it fails; NULL is an item like any other. */
    PyObject *id = PyLong_FromUnsignedLong(hit.id), *number = PyLong_FromUnsignedLong(hit.hits);
    int failed = !id || !number;
    failed |= PyTuple_SetItem(pair, 0, id) | PyTuple_SetItem(pair, 1, number);
    if (!failed) return pair;
    Py_DECREF(pair);
    return NULL;
}

static PyObject *pair_list(PyTypeObject *type, const fp_hits *hits) {
    PyObject *pairs = PyList_New((Py_ssize_t)hits->count);
    for (size_t i = 0; pairs && i < hits->count; i++) {
        PyObject *pair = make_pair(type, hits->items[i]);
        if (!pair || PyList_SetItem(pairs, (Py_ssize_t)i, pair)) Py_CLEAR(pairs);
    }
    return pairs;
}

/* Whether an object is a type of tuples. */
static int makes_tuples(PyObject *object) {
    if (PyType_Check(object) && PyType_IsSubtype((PyTypeObject *)object, &PyTuple_Type)) return 1;
    PyErr_SetString(PyExc_TypeError, "a type of tuples is needed");
    return 0;
}

/* search(type of tuples, terms: uint32 array, delta, changes, limit, min_hits, min_percent,
 * gather_limit, seconds) -> list of (id, hits) of that type */
static PyObject *segments_search(PyObject *object, PyObject *arguments) {
    PyObject *type, *array, *delta, *pairs = NULL;
    Question asked = {0};
    if (!PyArg_ParseTuple(arguments, "OOOKKKKKd:search", &type, &array, &delta, &asked.changes,
                          &asked.limit, &asked.min_hits, &asked.min_percent, &asked.gather_limit,
                          &asked.seconds)) {
        return NULL;
    }
    Py_buffer buffer;
    fp_words words;
    if (!makes_tuples(type) || !py_delta(delta, asked.changes, &asked.delta)) return NULL;
    if (!py_words(array, &buffer, &words)) return NULL;
    fp_hits hits = {0};
    fp_status status = fp_distinct_terms(words, &asked.terms, &asked.count);
    PyBuffer_Release(&buffer);
    if (status == FP_OK) status = search((PySegments *)object, &asked, &hits);
    if (status == FP_OK) {
        pairs = pair_list((PyTypeObject *)type, &hits);
    } else {
        py_raise(status);
    }
    free(asked.terms);
    fp_hits_free(&hits);
    return pairs;
}

/* Where the record of a fingerprint stands by the newest changes, or else by the segments. */
static int find(const PySegments *self, const fp_delta *delta, size_t changes, uint32_t id,
                fp_found *found) {
    if (changes && fp_delta_latest(delta, id, changes, found)) return 1;
    /* Of two segments with the same id the later one counts; writers never leave it so. */
    for (Py_ssize_t i = self->count; i-- > 0;) {
        if (fp_find(&self->segments[i], id, found)) return 1;
    }
    return 0;
}

typedef struct {
    const fp_delta *delta;
    unsigned long long changes, low, high, limit;
    Py_buffer log;
} Request;

/* Read the ids that there can be; 0 stands for the others. */
static int read_ids(PyObject *list, uint32_t *ids, size_t count) {
    for (size_t i = 0; i < count; i++) {
        int overflow;
        long long id = PyLong_AsLongLongAndOverflow(PyList_GetItem(list, (Py_ssize_t)i), &overflow);
        if (id == -1 && !overflow && PyErr_Occurred()) return 0;
        ids[i] = overflow || id < 1 || id > (long long)UINT32_MAX ? 0 : (uint32_t)id;
    }
    return 1;
}

/* Whether a fingerprint is there and lasts as long as asked. */
static int fits(const PySegments *self, const Request *asked, uint32_t id, fp_found *found) {
    return id && find(self, asked->delta, (size_t)asked->changes, id, found) && found->position &&
           found->duration >= asked->low && found->duration <= asked->high;
}

/* Find those that fit, in their order. Their records, which lie far from one another, are fetched
 * meanwhile. */
static size_t find_fitting(const PySegments *self, const Request *asked, const uint32_t *ids,
                           size_t count, uint64_t *positions) {
    size_t fitting = 0;
    fp_found found;
    for (size_t i = 0; i < count; i++) {
        if (!fits(self, asked, ids[i], &found)) continue;
        if (found.position < (uint64_t)asked->log.len) {
            __builtin_prefetch((const char *)asked->log.buf + found.position);
        }
        positions[fitting++] = found.position;
    }
    return fitting;
}

/* Return the first positions at which there are hashes. */
static PyObject *position_list(const Request *asked, const uint64_t *positions, size_t count) {
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list && i < count; i++) {
        if ((unsigned long long)PyList_Size(list) >= asked->limit) break;
        fp_record record;
        fp_status status =
            fp_record_at(asked->log.buf, (size_t)asked->log.len, positions[i], &record);
        if (status != FP_OK) {
            py_raise(status);
            Py_CLEAR(list);
            break;
        }
        if (record.kind != FP_KIND_FINGERPRINT) continue;
        PyObject *position = PyLong_FromUnsignedLongLong(positions[i]);
        if (!position || PyList_Append(list, position)) Py_CLEAR(list);
        Py_XDECREF(position);
    }
    return list;
}

static PyObject *locate(const PySegments *self, const Request *asked, PyObject *list,
                        size_t count) {
    PyObject *found = NULL;
    uint32_t *ids = malloc((count + 1) * sizeof *ids);
    uint64_t *positions = malloc((count + 1) * sizeof *positions);
    if (!ids || !positions) {
        PyErr_NoMemory();
    } else if (read_ids(list, ids, count)) {
        count = find_fitting(self, asked, ids, count, positions);
        found = position_list(asked, positions, count);
    }
    free(ids);
    free(positions);
    return found;
}

/* locate(ids: list of int, delta, changes, log, low, high, limit) -> list of positions in the log:
 * of the fingerprints that last low ... high seconds, in the order asked for. */
static PyObject *segments_locate(PyObject *object, PyObject *arguments) {
    PyObject *ids, *delta, *mapped;
    Request asked = {0};
    if (!PyArg_ParseTuple(arguments, "OOKOKKK:locate", &ids, &delta, &asked.changes, &mapped,
                          &asked.low, &asked.high, &asked.limit)) {
        return NULL;
    }
    Py_ssize_t count = py_list_size(ids);
    if (count < 0 || !py_delta(delta, asked.changes, &asked.delta)) return NULL;
    if (PyObject_GetBuffer(mapped, &asked.log, PyBUF_SIMPLE)) return NULL;
    PyObject *positions = locate((PySegments *)object, &asked, ids, (size_t)count);
    PyBuffer_Release(&asked.log);
    return positions;
}

static PyMethodDef methods[] = {
    {"search", segments_search, METH_VARARGS, NULL},
    {"locate", segments_locate, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_new, (void *)segments_new},
    {Py_tp_dealloc, (void *)segments_free},
    {Py_tp_methods, methods},
    {0, NULL},
};

PyType_Spec py_segments_spec = {
    .name = "fpservice._native.Segments",
    .basicsize = sizeof(PySegments),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};
