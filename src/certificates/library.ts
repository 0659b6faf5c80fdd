/** What the mesh uses of its X.509 library, ready for use: its parts find each other through metadata, and it signs with WebCrypto. */
import 'reflect-metadata'
import { cryptoProvider } from '@peculiar/x509'

cryptoProvider.set(crypto)

export {
	AuthorityKeyIdentifierExtension,
	BasicConstraintsExtension,
	CRLDistributionPointsExtension,
	ExtendedKeyUsage,
	ExtendedKeyUsageExtension,
	type Extension,
	ExtensionsAttribute,
	KeyUsageFlags,
	KeyUsagesExtension,
	Name,
	Pkcs10CertificateRequest,
	SubjectAlternativeNameExtension,
	SubjectKeyIdentifierExtension,
	X509Certificate,
	X509CertificateGenerator,
} from '@peculiar/x509'
