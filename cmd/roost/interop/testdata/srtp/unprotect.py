"""Decrypts SRTP with libsrtp (pylibsrtp), which is not what roost encrypts with.

unprotect.py SUITE KEY: a packet in hexadecimal a line comes in; RTP, or nothing where
its authentication failed, goes out. SUITE and KEY are of an a=crypto line (RFC 4568).
"""
import base64
import sys

from pylibsrtp import Error, Policy, Session

suites = {
    "AES_CM_128_HMAC_SHA1_80": Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    "AEAD_AES_256_GCM": Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
}
policy = Policy(
    key=base64.b64decode(sys.argv[2]), ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=suites[sys.argv[1]]
)
session = Session(policy=policy)
for line in sys.stdin:
    try:
        print(session.unprotect(bytes.fromhex(line)).hex())
    except Error:
        print()
