package message

import "strings"

// HeaderID names a header field that this front-end knows, whatever its spelling.
type HeaderID uint8

// The known header fields. Other stands for all the rest; Field.Name tells which.
const (
	Other HeaderID = iota
	HVia
	HFrom
	HTo
	HCallID
	HCSeq
	HMaxForwards
	HContact
	HExpires
	HMinExpires
	HContentLength
	HContentType
	HContentEncoding
	HContentDisposition
	HRequire
	HProxyRequire
	HSupported
	HUnsupported
	HRoute
	HRecordRoute
	HPath
	HAuthorization
	HProxyAuthorization
	HWWWAuthenticate
	HProxyAuthenticate
	HEvent
	HAllow
	HAllowEvents
	HAccept
	HUserAgent
	HServer
	HSubject
	HDate
	HRetryAfter
	HSubscriptionState
	HReferTo
	HReferredBy
	HReplaces
	HSessionExpires
	HMinSE
	HAcceptContact
	HRejectContact
	HRequestDisposition
	HIdentity
	HFlowTimer
	HWarning
	HReason
	HPAssertedIdentity
	HPPreferredIdentity
	HRemotePartyID
	HTimestamp
	HInReplyTo
	HRSeq
	HRAck
	HDiversion
	HHistoryInfo
	HPrivacy
	HReferSub
	HInfoPackage
	HVisited
	numHeaders
)

// canonical is the long form in the usual spelling, by HeaderID.
var canonical = [numHeaders]string{
	HVia: "Via", HFrom: "From", HTo: "To", HCallID: "Call-ID", HCSeq: "CSeq",
	HMaxForwards: "Max-Forwards", HContact: "Contact", HExpires: "Expires",
	HMinExpires: "Min-Expires", HContentLength: "Content-Length",
	HContentType: "Content-Type", HContentEncoding: "Content-Encoding",
	HContentDisposition: "Content-Disposition", HRequire: "Require",
	HProxyRequire: "Proxy-Require", HSupported: "Supported", HUnsupported: "Unsupported",
	HRoute: "Route", HRecordRoute: "Record-Route", HPath: "Path",
	HAuthorization: "Authorization", HProxyAuthorization: "Proxy-Authorization",
	HWWWAuthenticate: "WWW-Authenticate", HProxyAuthenticate: "Proxy-Authenticate",
	HEvent: "Event", HAllow: "Allow", HAllowEvents: "Allow-Events", HAccept: "Accept",
	HUserAgent: "User-Agent", HServer: "Server", HSubject: "Subject", HDate: "Date",
	HRetryAfter: "Retry-After", HSubscriptionState: "Subscription-State",
	HReferTo: "Refer-To", HReferredBy: "Referred-By", HReplaces: "Replaces",
	HSessionExpires: "Session-Expires", HMinSE: "Min-SE",
	HAcceptContact: "Accept-Contact", HRejectContact: "Reject-Contact",
	HRequestDisposition: "Request-Disposition", HIdentity: "Identity",
	HFlowTimer: "Flow-Timer", HWarning: "Warning", HReason: "Reason",
	HPAssertedIdentity: "P-Asserted-Identity", HPPreferredIdentity: "P-Preferred-Identity",
	HRemotePartyID: "Remote-Party-ID", HTimestamp: "Timestamp", HInReplyTo: "In-Reply-To",
	HRSeq: "RSeq", HRAck: "RAck", HDiversion: "Diversion", HHistoryInfo: "History-Info",
	HPrivacy: "Privacy", HReferSub: "Refer-Sub", HInfoPackage: "Info-Package", HVisited: "X-Roost-Visited",
}

// String gives the header's long name, or "" for Other.
func (id HeaderID) String() string {
	if id < numHeaders {
		return canonical[id]
	}
	return ""
}

// compact is the one-letter forms by letter (RFC 3261 §7.3.3 and the registry).
var compact = [26]HeaderID{
	0: HAcceptContact, 'b' - 'a': HReferredBy, 'c' - 'a': HContentType,
	'd' - 'a': HRequestDisposition, 'e' - 'a': HContentEncoding, 'f' - 'a': HFrom,
	'i' - 'a': HCallID, 'j' - 'a': HRejectContact, 'k' - 'a': HSupported,
	'l' - 'a': HContentLength, 'm' - 'a': HContact, 'o' - 'a': HEvent,
	'r' - 'a': HReferTo, 's' - 'a': HSubject, 't' - 'a': HTo, 'u' - 'a': HAllowEvents,
	'v' - 'a': HVia, 'x' - 'a': HSessionExpires, 'y' - 'a': HIdentity,
}

// byLength is the known headers by the length of the long name: a name is compared
// with the few of its length only.
var byLength = func() [24][]HeaderID {
	var t [24][]HeaderID
	for id := HVia; id < numHeaders; id++ {
		n := len(canonical[id])
		t[n] = append(t[n], id)
	}
	return t
}()

// Identify gives the header that a name, in any case or compact, stands for.
func Identify(name string) HeaderID {
	if len(name) == 1 {
		c := name[0] | 0x20
		if c >= 'a' && c <= 'z' {
			return compact[c-'a']
		}
		return Other
	}
	if len(name) >= len(byLength) {
		return Other
	}
	for _, id := range byLength[len(name)] {
		if strings.EqualFold(canonical[id], name) {
			return id
		}
	}
	return Other
}

// once tells which headers must not stand in a message twice, and are not lists.
var once = [numHeaders]bool{
	HFrom: true, HTo: true, HCallID: true, HCSeq: true, HMaxForwards: true,
	HContentLength: true, HContentType: true, HExpires: true, HMinExpires: true,
	HEvent: true, HSubscriptionState: true, HReferTo: true, HReferredBy: true,
	HReplaces: true, HSessionExpires: true, HContentDisposition: true,
	HRSeq: true, HRAck: true,
}
