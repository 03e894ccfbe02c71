// Package scenarios carries the scenario files of `roost lab` inside the
// program, so that it finds them wherever it is started.
package scenarios

import "embed"

// Files holds every *.yaml of this folder.
//
//go:embed *.yaml
var Files embed.FS
