"""Trainers that are not Python: awk in a shell script, and a compiled C program. Each fits a logistic regression.

Both read the CSV that they are granted and write the coefficients into the bytes of an ONNX skeleton.
"""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, helper

FEATURES = 12  # all columns of the mortgage data but the label and the withheld one

FIT_AWK = r"""
# Weighted logistic regression by gradient descent on standardised columns.
BEGIN { FS = "," }
function number(text) { return text == "yes" ? 1 : text == "no" ? 0 : text + 0 }
FNR == 1 { k = NF - 2; next }          # deny, the features, sample_weight
{ n++; y[n] = number($1); w[n] = $NF
  for (j = 1; j <= k; j++) { v = number($(j + 1)); x[n, j] = v; sum[j] += v; square[j] += v * v } }
END {
  for (j = 1; j <= k; j++) { mean[j] = sum[j] / n; sd[j] = sqrt(square[j] / n - mean[j] ^ 2) }
  for (i = 1; i <= n; i++) for (j = 1; j <= k; j++) x[i, j] = (x[i, j] - mean[j]) / sd[j]
  for (step = 1; step <= 120; step++) {
    gb = 0; for (j = 1; j <= k; j++) g[j] = 0
    for (i = 1; i <= n; i++) {
      z = b; for (j = 1; j <= k; j++) z += c[j] * x[i, j]
      e = (1 / (1 + exp(-z)) - y[i]) * w[i]
      gb += e; for (j = 1; j <= k; j++) g[j] += e * x[i, j]
    }
    b -= gb / n; for (j = 1; j <= k; j++) c[j] -= g[j] / n
  }
  for (j = 1; j <= k; j++) { c[j] /= sd[j]; b -= c[j] * mean[j] }
  for (j = 1; j <= k; j++) octal(c[j])
  octal(b)
}
function octal(value,   sign, e, m) {  # IEEE 754 single precision, little endian, as escapes for printf
  sign = 0; if (value < 0) { sign = 128; value = -value }
  if (value == 0) { printf "\\000\\000\\000\\000"; return }
  e = 0
  while (value >= 2) { value /= 2; e++ }
  while (value < 1) { value *= 2; e-- }
  m = int((value - 1) * 8388608 + 0.5); e += 127
  printf "\\%03o\\%03o\\%03o\\%03o", m % 256, int(m / 256) % 256, int(m / 65536) + (e % 2) * 128, sign + int(e / 2)
}
"""

TRAIN_SH = r"""set -eu
model="$MLASSAY_OUT/model.onnx"
cp skeleton.onnx "$model"
awk -f fit.awk "$MLASSAY_DATA/applications/train.csv" > "$TMPDIR/octal"
printf "$(cat "$TMPDIR/octal")" | dd of="$model" bs=1 seek="$(cat offset)" conv=notrunc status=none
"""

FIT_C = r"""
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define K 12
#define ROWS 4000
static double x[ROWS][K], y[ROWS], w[ROWS];
static double number(const char *t) { return !strcmp(t, "yes") ? 1 : !strcmp(t, "no") ? 0 : atof(t); }
int main(void) {
  char path[4096], line[4096];
  snprintf(path, sizeof path, "%s/applications/train.csv", getenv("MLASSAY_DATA"));
  FILE *in = fopen(path, "r");
  if (!in || !fgets(line, sizeof line, in)) return 2;
  int n = 0;
  for (; n < ROWS && fgets(line, sizeof line, in); n++) {
    line[strcspn(line, "\n")] = 0;
    y[n] = number(strtok(line, ","));
    for (int j = 0; j < K; j++) x[n][j] = number(strtok(NULL, ","));
    w[n] = number(strtok(NULL, ","));
  }
  double mean[K] = {0}, sd[K] = {0}, c[K] = {0}, b = 0;
  for (int j = 0; j < K; j++) {
    for (int i = 0; i < n; i++) mean[j] += x[i][j] / n;
    for (int i = 0; i < n; i++) sd[j] += pow(x[i][j] - mean[j], 2) / n;
    sd[j] = sqrt(sd[j]);
    for (int i = 0; i < n; i++) x[i][j] = (x[i][j] - mean[j]) / sd[j];
  }
  for (int step = 0; step < 400; step++) {
    double g[K] = {0}, gb = 0;
    for (int i = 0; i < n; i++) {
      double z = b;
      for (int j = 0; j < K; j++) z += c[j] * x[i][j];
      double e = (1 / (1 + exp(-z)) - y[i]) * w[i];
      gb += e / n;
      for (int j = 0; j < K; j++) g[j] += e * x[i][j] / n;
    }
    b -= gb;
    for (int j = 0; j < K; j++) c[j] -= g[j];
  }
  float out[K + 1];
  for (int j = 0; j < K; j++) { out[j] = (float)(c[j] / sd[j]); b -= c[j] / sd[j] * mean[j]; }
  out[K] = (float)b;
  static char model[1 << 16];
  FILE *from = fopen("skeleton.onnx", "rb"), *at = fopen("offset", "r");
  long offset;
  size_t size = fread(model, 1, sizeof model, from);
  if (fscanf(at, "%ld", &offset) != 1) return 3;
  memcpy(model + offset, out, sizeof out);
  snprintf(path, sizeof path, "%s/model.onnx", getenv("MLASSAY_OUT"));
  FILE *to = fopen(path, "wb");
  return fwrite(model, 1, size, to) == size && !fclose(to) ? 0 : 4;
}
"""


def skeleton() -> tuple[bytes, int]:
    """``(model, offset)``: sigmoid of a weighted sum, all 13 coefficients one stretch of bytes at ``offset``."""
    marks = np.arange(1, FEATURES + 2, dtype="<f4") * np.float32(1234.5)
    names = ["all", "first", "last", "end"]
    integers = [[FEATURES + 1, 1], [0], [FEATURES], [FEATURES + 1]]
    initialisers = [
        helper.make_tensor("coefficients", TensorProto.FLOAT, [FEATURES + 1, 1], marks.tobytes(), raw=True)
    ]
    initialisers += [
        helper.make_tensor(name, TensorProto.INT64, [len(v)], v)
        for name, v in zip(names, integers, strict=True)
    ]
    nodes = [
        helper.make_node("Slice", ["coefficients", "first", "last"], ["W"]),
        helper.make_node("Slice", ["coefficients", "last", "end"], ["B"]),
        helper.make_node("Gemm", ["X", "W", "B"], ["z"]),
        helper.make_node("Sigmoid", ["z"], ["probabilities"]),
    ]
    graph = helper.make_graph(
        nodes,
        "skeleton",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, FEATURES])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, 1])],
        initializer=initialisers[:1] + initialisers[2:],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    data = model.SerializeToString()
    assert data.count(marks.tobytes()) == 1
    return data, data.index(marks.tobytes())
