/* What the files of the binding share. Python 3.11's limited API, so that one build serves all
 * later versions. */
#ifndef FPSERVICE_PYKERNELS_H
#define FPSERVICE_PYKERNELS_H

#ifndef Py_LIMITED_API
#define Py_LIMITED_API 0x030B0000
#endif
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "delta.h"
#include "words.h"

/* Handing the interpreter to another thread costs more than this little work: so many words
 * compared or postings looked at take about ten microseconds. */
enum { PY_LITTLE_WORK = 8192 };

extern PyType_Spec py_comparison_spec;
extern PyType_Spec py_segments_spec;
extern PyType_Spec py_delta_spec;

/* Find the changes behind a Delta; None will do where there are no changes to look at. Return
 * whether that went well, otherwise an error is set. */
int py_delta(PyObject *object, unsigned long long changes, const fp_delta **delta);

/* Set the error that a status stands for, and return NULL. */
PyObject *py_raise(fp_status status);

/* Get the words of an array of 32-bit items, or of bytes; the caller releases the buffer. Return
 * whether that went well, otherwise an error is set. */
int py_words(PyObject *object, Py_buffer *buffer, fp_words *words);

/* Return the length of a list; -1, with an error set, if it is none. */
Py_ssize_t py_list_size(PyObject *object);

/* Let other threads run if there is more than a little work; NULL if not. */
PyThreadState *py_release(uint64_t work);
void py_resume(PyThreadState *state);

/* Return an integer in 0 ... 2**64-1; -1 cast, with an error set, if it is none. */
uint64_t py_unsigned(PyObject *object);

#endif
