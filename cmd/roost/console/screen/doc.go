// Package screen draws a system's status as text for a person: `roost status`
// prints it once, `--watch` redraws it. It knows the API's types and a width,
// and nothing of terminals, clocks or sockets.
package screen
