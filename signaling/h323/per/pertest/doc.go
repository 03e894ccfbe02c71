// Package pertest helps the tests of generated messages: it fills them at random
// within their constraints, and asks tshark what it reads in their octets.
package pertest
