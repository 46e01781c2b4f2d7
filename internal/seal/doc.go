// Package seal makes values unreadable to who reads Redis, its files, or a copy of them, without
// the keys.
//
// A sealed value is
//
//	0x00 "dq" | version, 1 | length of the key's id | the id | nonce, 12 bytes | ciphertext and tag
//
// by AES-256-GCM. Its associated data are the account, the key in Redis and the field of the value,
// so that it opens nowhere else. Each key in Redis has a data key of its own, by HKDF-SHA256 from
// the one of the ring. What is not sealed begins with another byte, as all of it is text: old and
// new values can stand side by side.
//
// What has to be compared or found, and must not be read, is hashed by HMAC-SHA256 under a key of
// its own, which is never rotated.
package seal
