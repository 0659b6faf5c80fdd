#!/usr/bin/env bash
# Makes certificates.json anew, with keys of its own that nobody keeps: ./make.sh (needs OpenSSL 3 and Node.js).
set -euo pipefail
out=$(cd "$(dirname "$0")" && pwd)/certificates.json
cd "$(mktemp -d)"
trap 'rm -rf "$PWD"' EXIT

p256() { openssl ecparam -name prime256v1 -genkey -noout; }
p256 >ca.key
p256 >other.key
p256 >leaf.key
openssl ecparam -name secp384r1 -genkey -noout >p384.key
openssl genrsa 2048 >rsa.key 2>/dev/null
for ca in ca other; do
	openssl req -x509 -new -key $ca.key -sha256 -days 9000 -subj '/O=mesh.example.com/CN=Selvedge intermediate' -out $ca.pem
done

# A certificate by the authority `ca`: name, then its extensions. What differs from the usual comes from the environment.
make() {
	printf '%s\n' "${@:2}" >extensions
	openssl req -new -key "${KEY:-leaf.key}" -subj '/CN=x' -sha256 -out request
	openssl x509 -req -in request -CA "${CA:-ca}.pem" -CAkey "${CA_KEY:-ca}.key" "-${HASH:-sha256}" -days "${DAYS:-3650}" \
		-set_serial "0x${SERIAL:-0a1b2c3d4e5f60718293a4b5c6d7e8f9}" -extfile extensions -outform DER -out "$1.der" 2>/dev/null
}

usage=keyUsage=critical,digitalSignature
leaf=basicConstraints=critical,CA:FALSE
purposes=extendedKeyUsage=serverAuth,clientAuth
key=authorityKeyIdentifier=keyid
id=spiffe://mesh.example.com/ns/default/sa/orders
name=subjectAltName=URI:$id

make leaf $usage $leaf $purposes $key $name
DAYS=20000 make until-2081 $usage $leaf $purposes $key $name
SERIAL=8f make short-serial $usage $leaf $purposes $key $name
make dns-beside $usage $leaf $purposes $key "$name,DNS:orders.example.com,IP:10.0.0.1"
make critical-name $usage $leaf $purposes $key "subjectAltName=critical,URI:$id"
make no-purposes $usage $leaf $key $name
make no-constraints $usage $purposes $key $name
make issuer-beside-key $usage $leaf $purposes authorityKeyIdentifier=keyid,issuer:always $name
make unknown-extension $usage $leaf $purposes $key $name 1.2.3.4=ASN1:UTF8String:x

make two-uris $usage $leaf $purposes $key "$name,URI:spiffe://mesh.example.com/ns/default/sa/web"
make no-uri $usage $leaf $purposes $key subjectAltName=DNS:orders.example.com
make no-name $usage $leaf $purposes $key
make id-as-dns $usage $leaf $purposes $key "subjectAltName=DNS:$id"
make https-uri $usage $leaf $purposes $key subjectAltName=URI:https://mesh.example.com/ns/default/sa/orders
make other-domain $usage $leaf $purposes $key subjectAltName=URI:spiffe://partner.example.org/ns/default/sa/orders
make unknown-domain $usage $leaf $purposes $key subjectAltName=URI:spiffe://evil.example/ns/default/sa/orders
make dot-segments $usage $leaf $purposes $key subjectAltName=URI:spiffe://mesh.example.com/ns/a/../default/sa/orders
make trust-domain $usage $leaf $purposes $key subjectAltName=URI:spiffe://mesh.example.com
make upper-case $usage $leaf $purposes $key subjectAltName=URI:SPIFFE://mesh.example.com/ns/default/sa/orders
make authority keyUsage=critical,digitalSignature,keyCertSign basicConstraints=critical,CA:TRUE $purposes $key $name
make authority-by-constraints $usage basicConstraints=critical,CA:TRUE,pathlen:0 $purposes $key $name
make signs-certificates keyUsage=critical,digitalSignature,keyCertSign $leaf $purposes $key $name
make signs-lists keyUsage=critical,digitalSignature,cRLSign $leaf $purposes $key $name
make usage-not-critical keyUsage=digitalSignature $leaf $purposes $key $name
make no-usage $leaf $purposes $key $name
make usage-without-signature keyUsage=critical,keyAgreement $leaf $purposes $key $name
make server-only $usage $leaf extendedKeyUsage=serverAuth $key $name
make no-authority-key $usage $leaf $purposes authorityKeyIdentifier=none $name
make unknown-critical $usage $leaf $purposes $key $name 1.2.3.4=critical,ASN1:UTF8String:x
KEY=p384.key make p384-key $usage $leaf $purposes $key $name
KEY=rsa.key make rsa-key $usage $leaf $purposes $key $name
HASH=sha384 make sha384 $usage $leaf $purposes $key $name
CA=other CA_KEY=other make other-authority $usage $leaf $purposes $key $name
# It says that `ca` signed it.
keyid=$(openssl x509 -in ca.pem -noout -ext subjectKeyIdentifier | tail -1 | tr -d ' \n')
CA=other CA_KEY=other make pretender $usage $leaf $purposes $name "2.5.29.35=DER:30:16:80:14:$keyid"
openssl x509 -req -in request -CA ca.pem -CAkey ca.key -sha256 -set_serial 1 -outform DER -out version-1.der 2>/dev/null
openssl x509 -in ca.pem -outform DER -out intermediate.der

node -e '
	const { readFileSync, readdirSync, writeFileSync } = require("node:fs")
	const ders = readdirSync(".").filter((name) => name.endsWith(".der")).sort()
	const entries = ders.map((name) => [name.slice(0, -4), readFileSync(name).toString("base64")])
	writeFileSync(process.argv[1], `${JSON.stringify(Object.fromEntries(entries), null, "\t")}\n`)
' "$out"
