"""Decrypts SRTP with libsrtp (pylibsrtp), which is not what roost encrypts with.

unprotect.py KEY: a packet in hexadecimal a line comes in; RTP, or nothing where
its authentication failed, goes out. KEY is the inline key of an a=crypto line with
AES_CM_128_HMAC_SHA1_80 (RFC 4568).
"""
import base64
import sys

from pylibsrtp import Error, Policy, Session

session = Session(policy=Policy(key=base64.b64decode(sys.argv[1]), ssrc_type=Policy.SSRC_ANY_INBOUND))
for line in sys.stdin:
    try:
        print(session.unprotect(bytes.fromhex(line)).hex())
    except Error:
        print()
