/* Comparison: one query against arrays, or against records where they stand in the mapped log. */
#include "pykernels.h"

#include <stdlib.h>

#include "compare.h"
#include "records.h"

typedef struct {
    PyObject_HEAD
    Py_buffer buffer;
    fp_query *query;
} PyComparison;

/* What is compared with a query in one call. */
typedef struct {
    Py_ssize_t count;
    Py_buffer *buffers;
    fp_words *words;
    double *scores;
} Batch;

static PyObject *comparison_new(PyTypeObject *type, PyObject *arguments, PyObject *names) {
    PyObject *hashes;
    Py_ssize_t max_offset;
    if (names && PyDict_Size(names)) {
        PyErr_SetString(PyExc_TypeError, "arguments have no names here");
        return NULL;
    }
    if (!PyArg_ParseTuple(arguments, "On:Comparison", &hashes, &max_offset)) return NULL;
    if (max_offset < 0) return py_raise(FP_COUNT);
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    PyComparison *self = (PyComparison *)allocate(type, 0);
    if (!self) return NULL;
    fp_words words;
    if (!py_words(hashes, &self->buffer, &words)) {
        Py_DECREF(self);
        return NULL;
    }
    self->query = fp_query_new(words, (size_t)max_offset);
    if (self->query) return (PyObject *)self;
    Py_DECREF(self);
    return PyErr_NoMemory();
}

static void comparison_free(PyObject *object) {
    PyComparison *self = (PyComparison *)object;
    PyTypeObject *type = Py_TYPE(object);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    fp_query_free(self->query);
    if (self->buffer.obj) PyBuffer_Release(&self->buffer);
    release(object);
    Py_DECREF(type);
}

static void batch_free(Batch *batch) {
    for (Py_ssize_t i = 0; i < batch->count; i++) {
        if (batch->buffers[i].obj) PyBuffer_Release(&batch->buffers[i]);
    }
    free(batch->buffers);
    free(batch->words);
    free(batch->scores);
}

static int batch_make(Batch *batch, Py_ssize_t count) {
    size_t room = (size_t)count + 1;
    batch->count = count;
    batch->buffers = calloc(room, sizeof *batch->buffers);
    batch->words = calloc(room, sizeof *batch->words);
    batch->scores = calloc(room, sizeof *batch->scores);
    if (batch->buffers && batch->words && batch->scores) return 1;
    batch->count = 0;
    batch_free(batch);
    PyErr_NoMemory();
    return 0;
}

static fp_status compare_all(const fp_query *query, Batch *batch) {
    size_t longest = 0;
    for (Py_ssize_t i = 0; i < batch->count; i++) {
        if (batch->words[i].count > longest) longest = batch->words[i].count;
    }
    fp_scratch *scratch = fp_scratch_new(query, longest);
    if (!scratch) return FP_NO_MEMORY;
    for (Py_ssize_t i = 0; i < batch->count; i++) {
        if (i + 1 < batch->count) fp_expect(batch->words[i + 1]);
        batch->scores[i] = fp_score(query, batch->words[i], scratch);
    }
    fp_scratch_free(scratch);
    return FP_OK;
}

static int compare(const fp_query *query, Batch *batch) {
    uint64_t work = 0;
    for (Py_ssize_t i = 0; i < batch->count; i++) work += batch->words[i].count;
    PyThreadState *state = py_release(work);
    fp_status status = compare_all(query, batch);
    py_resume(state);
    if (status == FP_OK) return 1;
    py_raise(status);
    return 0;
}

static PyObject *score_list(const Batch *batch) {
    PyObject *scores = PyList_New(batch->count);
    for (Py_ssize_t i = 0; scores && i < batch->count; i++) {
        PyObject *score = PyFloat_FromDouble(batch->scores[i]);
        if (!score || PyList_SetItem(scores, i, score)) Py_CLEAR(scores);
    }
    return scores;
}

/* scores(candidates: list of arrays) -> list of floats */
static PyObject *comparison_scores(PyObject *object, PyObject *candidates) {
    const fp_query *query = ((PyComparison *)object)->query;
    Py_ssize_t count = py_list_size(candidates);
    Batch batch;
    if (count < 0 || !batch_make(&batch, count)) return NULL;
    PyObject *scores = NULL;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *candidate = PyList_GetItem(candidates, i);
        if (!candidate || !py_words(candidate, &batch.buffers[i], &batch.words[i])) goto end;
    }
    if (compare(query, &batch)) scores = score_list(&batch);
end:
    batch_free(&batch);
    return scores;
}

/* Find the records; those not longer than a beginning that is asked for are left out. */
static int find_records(PyObject *positions, const Py_buffer *log, size_t beginning, Batch *batch,
                        fp_record *records) {
    Py_ssize_t found = 0;
    for (Py_ssize_t i = 0; i < batch->count; i++) {
        PyObject *position = PyList_GetItem(positions, i);
        uint64_t place = position ? py_unsigned(position) : (uint64_t)-1;
        if (place == (uint64_t)-1 && PyErr_Occurred()) return 0;
        fp_record *record = &records[found];
        fp_status status = fp_record_at(log->buf, (size_t)log->len, place, record);
        if (status != FP_OK) {
            py_raise(status);
            return 0;
        }
        if (beginning && record->words.count <= beginning) continue;
        batch->words[found] = record->words;
        if (beginning) batch->words[found].count = beginning;
        found++;
    }
    batch->count = found;
    return 1;
}

static PyObject *match_list(const Batch *batch, const fp_record *records, double least) {
    PyObject *matches = PyList_New(0);
    for (Py_ssize_t i = 0; matches && i < batch->count; i++) {
        if (!(batch->scores[i] > least)) continue;
        PyObject *match = Py_BuildValue("(kkd)", (unsigned long)records[i].id,
                                        (unsigned long)records[i].duration, batch->scores[i]);
        if (!match || PyList_Append(matches, match)) Py_CLEAR(matches);
        Py_XDECREF(match);
    }
    return matches;
}

/* matches(log, positions: list of int, least: float, beginning: int) -> list of (id, duration,
 * score) of the records whose score is over `least`. With a beginning other than 0, only longer
 * ones are compared, by so many of their hashes. */
static PyObject *comparison_matches(PyObject *object, PyObject *arguments) {
    const fp_query *query = ((PyComparison *)object)->query;
    PyObject *mapped, *positions;
    double least;
    Py_ssize_t beginning;
    if (!PyArg_ParseTuple(arguments, "OOdn:matches", &mapped, &positions, &least, &beginning)) {
        return NULL;
    }
    Py_ssize_t count = py_list_size(positions);
    if (beginning < 0) return py_raise(FP_COUNT);
    Batch batch;
    if (count < 0 || !batch_make(&batch, count)) return NULL;
    PyObject *matches = NULL;
    Py_buffer log = {0};
    fp_record *records = calloc((size_t)count + 1, sizeof *records);
    if (!records) {
        PyErr_NoMemory();
    } else if (!PyObject_GetBuffer(mapped, &log, PyBUF_SIMPLE)) {
        if (find_records(positions, &log, (size_t)beginning, &batch, records) &&
            compare(query, &batch)) {
            matches = match_list(&batch, records, least);
        }
        PyBuffer_Release(&log);
    }
    free(records);
    batch_free(&batch);
    return matches;
}

static PyMethodDef methods[] = {
    {"scores", comparison_scores, METH_O, NULL},
    {"matches", comparison_matches, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_new, (void *)comparison_new},
    {Py_tp_dealloc, (void *)comparison_free},
    {Py_tp_methods, methods},
    {0, NULL},
};

PyType_Spec py_comparison_spec = {
    .name = "fpservice._native.Comparison",
    .basicsize = sizeof(PyComparison),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};
