/* The module: functions of one fingerprint, and what its types share. */
#include "pykernels.h"

#include <stdlib.h>

#include "codec.h"
#include "terms.h"

PyObject *py_raise(fp_status status) {
    switch (status) {
    case FP_NO_MEMORY: return PyErr_NoMemory();
    case FP_TOO_LONG: PyErr_SetString(PyExc_TimeoutError, "took too long"); return NULL;
    case FP_NOT_BASE64: PyErr_SetString(PyExc_ValueError, "not URL-safe base64"); return NULL;
    case FP_NO_HEADER: PyErr_SetString(PyExc_ValueError, "shorter than its header"); return NULL;
    case FP_TOO_FEW: PyErr_SetString(PyExc_ValueError, "fewer hashes than announced"); return NULL;
    case FP_POSITION: PyErr_SetString(PyExc_ValueError, "a bit position past 32"); return NULL;
    case FP_BYTES:
        PyErr_SetString(PyExc_ValueError, "bytes missing or left over behind the last hash");
        return NULL;
    case FP_DAMAGED: PyErr_SetString(PyExc_ValueError, "a place out of range"); return NULL;
    default: PyErr_SetString(PyExc_ValueError, "out of range"); return NULL;
    }
}

int py_words(PyObject *object, Py_buffer *buffer, fp_words *words) {
    if (PyObject_GetBuffer(object, buffer, PyBUF_SIMPLE)) return 0;
    if ((buffer->itemsize != 4 && buffer->itemsize != 1) || buffer->len % 4) {
        PyBuffer_Release(buffer);
        PyErr_SetString(PyExc_TypeError, "32-bit words are needed");
        return 0;
    }
    *words = (fp_words){buffer->buf, (size_t)buffer->len / 4};
    return 1;
}

Py_ssize_t py_list_size(PyObject *object) {
    if (PyList_Check(object)) return PyList_Size(object);
    PyErr_SetString(PyExc_TypeError, "a list is needed");
    return -1;
}

PyThreadState *py_release(uint64_t work) {
    return work > PY_LITTLE_WORK ? PyEval_SaveThread() : NULL;
}

void py_resume(PyThreadState *state) {
    if (state) PyEval_RestoreThread(state);
}

uint64_t py_unsigned(PyObject *object) {
    return PyLong_AsUnsignedLongLong(object);
}

static int has_arguments(Py_ssize_t given, Py_ssize_t wanted) {
    if (given == wanted) return 1;
    PyErr_Format(PyExc_TypeError, "%zd arguments are needed", wanted);
    return 0;
}

static PyObject *refuse(fp_status status, const fp_decoded *decoded) {
    if (status == FP_ALGORITHM) {
        return PyErr_Format(PyExc_ValueError, "algorithm %u is not supported", decoded->version);
    }
    if (status == FP_COUNT) {
        return PyErr_Format(PyExc_ValueError, "%u hashes announced, which cannot be",
                            decoded->count);
    }
    return py_raise(status);
}

static PyObject *decode(PyObject *module, PyObject *const *arguments, Py_ssize_t count) {
    (void)module;
    if (!has_arguments(count, 2)) return NULL;
    unsigned long long most = py_unsigned(arguments[1]);
    if (most == (unsigned long long)-1 && PyErr_Occurred()) return NULL;
    Py_ssize_t length;
    const char *text = PyUnicode_AsUTF8AndSize(arguments[0], &length);
    if (!text) {
        /* Half a character pair has no UTF-8; it belongs to no alphabet either. */
        if (!PyErr_ExceptionMatches(PyExc_UnicodeError)) return NULL;
        PyErr_Clear();
        return py_raise(FP_NOT_BASE64);
    }
    fp_decoded decoded;
    uint32_t limit = most < UINT32_MAX ? (uint32_t)most : UINT32_MAX;
    PyThreadState *state = py_release((uint64_t)length);
    fp_status status = fp_decode(text, (size_t)length, limit, &decoded);
    py_resume(state);
    if (status != FP_OK) return refuse(status, &decoded);
    Py_ssize_t size = (Py_ssize_t)(decoded.count * sizeof *decoded.hashes);
    PyObject *hashes = PyByteArray_FromStringAndSize((const char *)decoded.hashes, size);
    free(decoded.hashes);
    return hashes;
}

static PyObject *encode(PyObject *module, PyObject *const *arguments, Py_ssize_t count) {
    (void)module;
    if (!has_arguments(count, 2)) return NULL;
    unsigned long long version = py_unsigned(arguments[1]);
    if (version == (unsigned long long)-1 && PyErr_Occurred()) return NULL;
    if (version > 255) return py_raise(FP_COUNT);
    Py_buffer buffer;
    fp_words hashes;
    if (!py_words(arguments[0], &buffer, &hashes)) return NULL;
    char *text;
    size_t length = 0;
    PyThreadState *state = py_release(hashes.count);
    fp_status status = fp_encode(hashes, (unsigned)version, &text, &length);
    py_resume(state);
    PyBuffer_Release(&buffer);
    if (status != FP_OK) return py_raise(status);
    PyObject *encoded = PyUnicode_FromStringAndSize(text, (Py_ssize_t)length);
    free(text);
    return encoded;
}

static PyObject *query_terms(PyObject *module, PyObject *hashes) {
    (void)module;
    Py_buffer buffer;
    fp_words words;
    uint32_t terms[FP_MAX_TERMS];
    if (!py_words(hashes, &buffer, &words)) return NULL;
    PyThreadState *state = py_release(words.count);
    size_t count = fp_query_terms(words, terms);
    py_resume(state);
    PyBuffer_Release(&buffer);
    Py_ssize_t size = (Py_ssize_t)(count * sizeof *terms);
    return PyByteArray_FromStringAndSize((const char *)terms, size);
}

static PyMethodDef functions[] = {
    {"decode", (PyCFunction)(void (*)(void))decode, METH_FASTCALL, NULL},
    {"encode", (PyCFunction)(void (*)(void))encode, METH_FASTCALL, NULL},
    {"query_terms", query_terms, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static int add_type(PyObject *module, PyType_Spec *spec, const char *name) {
    PyObject *type = PyType_FromSpec(spec);
    if (!type) return -1;
    int failed = PyModule_AddObjectRef(module, name, type);
    Py_DECREF(type);
    return failed;
}

/* Changes whenever a function takes or gives something else; kernels.py knows it too. */
enum { INTERFACE = 1 };

static int add_types(PyObject *module) {
    if (PyModule_AddIntConstant(module, "INTERFACE", INTERFACE)) return -1;
    if (add_type(module, &py_comparison_spec, "Comparison")) return -1;
    if (add_type(module, &py_delta_spec, "Delta")) return -1;
    return add_type(module, &py_segments_spec, "Segments");
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, (void *)add_types}, {0, NULL}};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "fpservice._native",
    .m_doc = "The kernels in C: see fpservice.kernels.",
    .m_methods = functions,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__native(void) {
    return PyModuleDef_Init(&definition);
}
