"""An authority of a test's own, and certificates that it signs."""

import datetime
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)


@dataclass
class Authority:
    """Signs certificates; `folder` holds its own as `NAME.pem`."""

    folder: Path
    name: str = "authority"

    def __post_init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(self.name, self._key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self._write(self.certificate, builder.sign(self._key, hashes.SHA256()))

    @property
    def certificate(self) -> Path:
        """The authority's own certificate: what `ca` names."""
        return self.folder / f"{self.name}.pem"

    def issue(self, common_name: str, *, address: str | None = None, password: str | None = None) -> tuple[Path, Path]:
        """A certificate and its key; for a server that is reached at `address`, else for a client."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(common_name, key.public_key())
        if address is not None:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), critical=False
            )
        certificate, key_file = self.folder / f"{common_name}.pem", self.folder / f"{common_name}.key"
        self._write(certificate, builder.sign(self._key, hashes.SHA256()))
        lock = serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption()
        key_file.touch(0o600)
        key_file.write_bytes(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, lock)
        )
        return certificate, key_file

    def _builder(self, common_name: str, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        now = datetime.datetime.now(tz=datetime.UTC)
        builder = x509.CertificateBuilder().subject_name(self._name(common_name)).issuer_name(self._name(self.name))
        builder = builder.public_key(key).serial_number(x509.random_serial_number())
        return builder.not_valid_before(now - DAY).not_valid_after(now + DAY)

    def _name(self, common_name: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])

    def _write(self, path: Path, certificate: x509.Certificate) -> None:
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
