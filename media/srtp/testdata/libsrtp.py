"""libsrtp as a peer of the tests: reads lines, answers each with one.

    SUITE KEY_HEX          begins: a new context for each direction under the key
    protect HEX            -> SRTP packet
    unprotect HEX          -> RTP packet
    protect_rtcp HEX, unprotect_rtcp HEX

An answer is hex octets, or "error N".
"""
import ctypes
import sys

c = ctypes
lib = c.CDLL("libsrtp2.so.1")


class SSRC(c.Structure):
    _fields_ = [("type", c.c_int), ("value", c.c_uint)]


class Crypto(c.Structure):
    _fields_ = [("cipher_type", c.c_uint32), ("cipher_key_len", c.c_int), ("auth_type", c.c_uint32),
                ("auth_key_len", c.c_int), ("auth_tag_len", c.c_int), ("sec_serv", c.c_int)]


class Policy(c.Structure):
    _fields_ = [("ssrc", SSRC), ("rtp", Crypto), ("rtcp", Crypto), ("key", c.c_char_p), ("keys", c.c_void_p),
                ("num_master_keys", c.c_ulong), ("deprecated_ekt", c.c_void_p), ("window_size", c.c_ulong),
                ("allow_repeat_tx", c.c_int), ("enc_xtn_hdr", c.c_void_p), ("enc_xtn_hdr_count", c.c_int),
                ("next", c.c_void_p)]


SUITES = {
    "AES_CM_128_HMAC_SHA1_80": ("srtp_crypto_policy_set_rtp_default", "srtp_crypto_policy_set_rtp_default"),
    # RFC 4568 6.2.2: SRTCP keeps the tag of 80 bits.
    "AES_CM_128_HMAC_SHA1_32": ("srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32", "srtp_crypto_policy_set_rtp_default"),
    "AEAD_AES_128_GCM": ("srtp_crypto_policy_set_aes_gcm_128_16_auth",) * 2,
    "AEAD_AES_256_GCM": ("srtp_crypto_policy_set_aes_gcm_256_16_auth",) * 2,
}
INBOUND, OUTBOUND = 2, 3


def session(suite, key, direction):
    p = Policy(ssrc=SSRC(direction, 0), window_size=128)
    getattr(lib, SUITES[suite][0])(c.byref(p.rtp))
    getattr(lib, SUITES[suite][1])(c.byref(p.rtcp))
    p.key = key
    s = c.c_void_p()
    status = lib.srtp_create(c.byref(s), c.byref(p))
    if status:
        sys.exit("srtp_create: %d" % status)
    return s


if lib.srtp_init():
    sys.exit("srtp_init")
suite, key = sys.stdin.readline().split()
key = bytes.fromhex(key)
sessions = {"protect": session(suite, key, OUTBOUND), "unprotect": session(suite, key, INBOUND)}
print("ready", flush=True)
for line in sys.stdin:
    what, packet = line.split()
    packet = bytes.fromhex(packet)
    b = c.create_string_buffer(packet, len(packet) + 300)
    n = c.c_int(len(packet))
    status = getattr(lib, "srtp_" + what)(sessions[what.split("_")[0]], b, c.byref(n))
    print("error %d" % status if status else b.raw[:n.value].hex(), flush=True)
