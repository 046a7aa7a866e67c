/* Delta: the newest changes of an index. The interpreter's lock is held in all its methods, so that
 * one thread may append while others search. */
#include "journal.h"
#include "pykernels.h"

typedef struct {
    PyObject_HEAD
    fp_delta *delta;
} PyDelta;

static PyObject *delta_new(PyTypeObject *type, PyObject *arguments, PyObject *names) {
    unsigned long long factor;
    (void)names;
    if (!PyArg_ParseTuple(arguments, "K:Delta", &factor)) return NULL;
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    PyDelta *self = (PyDelta *)allocate(type, 0);
    if (!self) return NULL;
    self->delta = fp_delta_new(factor);
    if (self->delta) return (PyObject *)self;
    Py_DECREF(self);
    return PyErr_NoMemory();
}

static void delta_free(PyObject *object) {
    PyTypeObject *type = Py_TYPE(object);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    fp_delta_free(((PyDelta *)object)->delta);
    release(object);
    Py_DECREF(type);
}

int py_delta(PyObject *object, unsigned long long changes, const fp_delta **delta) {
    *delta = NULL;
    if (!changes) return 1;
    /* Its own way of being freed tells the type, without keeping it anywhere. */
    if (PyType_GetSlot(Py_TYPE(object), Py_tp_dealloc) != (void *)delta_free) {
        PyErr_SetString(PyExc_TypeError, "a Delta is needed");
        return 0;
    }
    *delta = ((PyDelta *)object)->delta;
    return 1;
}

/* append(id, position or 0, duration, terms: uint32 array) */
static PyObject *delta_append(PyObject *object, PyObject *arguments) {
    PyObject *array;
    unsigned long long id, position, duration;
    if (!PyArg_ParseTuple(arguments, "KKKO:append", &id, &position, &duration, &array)) return NULL;
    if (id > UINT32_MAX || duration > UINT32_MAX) return py_raise(FP_COUNT);
    Py_buffer buffer;
    fp_words words;
    if (!py_words(array, &buffer, &words)) return NULL;
    fp_status status = FP_NO_MEMORY;
    uint32_t *terms = PyMem_Malloc((words.count + 1) * sizeof *terms);
    if (terms) {
        memcpy(terms, words.bytes, 4 * words.count);
        status = fp_delta_append(((PyDelta *)object)->delta, (uint32_t)id, position,
                                 (uint32_t)duration, terms, words.count);
    }
    PyMem_Free(terms);
    PyBuffer_Release(&buffer);
    if (status != FP_OK) return py_raise(status);
    Py_RETURN_NONE;
}

/* read(data of the log, its position) -> how many bytes of it were whole records */
static PyObject *delta_read(PyObject *object, PyObject *arguments) {
    Py_buffer data;
    unsigned long long position;
    if (!PyArg_ParseTuple(arguments, "y*K:read", &data, &position)) return NULL;
    size_t read;
    fp_status status = fp_journal_read(((PyDelta *)object)->delta, data.buf, (size_t)data.len,
                                       position, &read);
    PyBuffer_Release(&data);
    return status == FP_OK ? PyLong_FromSize_t(read) : py_raise(status);
}

static Py_ssize_t delta_length(PyObject *object) {
    return (Py_ssize_t)fp_delta_count(((PyDelta *)object)->delta);
}

static PyMethodDef methods[] = {
    {"append", delta_append, METH_VARARGS, NULL},
    {"read", delta_read, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_new, (void *)delta_new},
    {Py_tp_dealloc, (void *)delta_free},
    {Py_sq_length, (void *)delta_length},
    {Py_tp_methods, methods},
    {0, NULL},
};

PyType_Spec py_delta_spec = {
    .name = "fpservice._native.Delta",
    .basicsize = sizeof(PyDelta),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};
