// Package node puts a whole system together and is the only place where its parts
// meet: the SIP front-end asks its office, the registrar's changes go to the
// mirror, what the mirror says of other systems goes to the resilience machine, and
// the machine's effects are carried out here. It decides nothing that a rule
// speaks of; those decisions are in packages resilience and registrar.
//
//	phone → sip.Endpoint → office → keeper (resilience) + registrar
//	                                    ↓ effects            ↓ changes
//	            journal, endpoint, registrar ← carry    spread → share → mirror → other systems
//	other systems → mirror → mirrored → keeper, known
//
// Locks are taken in one direction: keeper, then what an effect touches. Whatever
// leads back to the keeper from there runs in a goroutine that Stop waits for.
//
// A Node is made by New, runs between Start and Stop, and takes a new
// configuration by Reload. Many run in one process, in tests and in the lab.
package node
