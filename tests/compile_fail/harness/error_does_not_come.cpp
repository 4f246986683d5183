// SPDX-License-Identifier: Apache-2.0
// Compiles in both forms.
// expect: error
int main() { return 0; }
