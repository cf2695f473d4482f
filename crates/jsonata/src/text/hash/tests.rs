use super::*;
use crate::Allowance;

#[test]
fn digests() {
    let cases = [
        ("", "MD5", Ok("d41d8cd98f00b204e9800998ecf8427e")),
        ("abc", "MD5", Ok("900150983cd24fb0d6963f7d28e17f72")),
        (
            "abc",
            "SHA-1",
            Ok("a9993e364706816aba3e25717850c26c9cd0d89d"),
        ),
        ("é", "SHA-1", Ok("bf15be717ac1b080b4f1c456692825891ff5073d")),
        (
            "abc",
            "SHA-256",
            Ok("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ),
        (
            "abc",
            "SHA-384",
            Ok(
                "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed\
                8086072ba1e7cc2358baeca134c825a7",
            ),
        ),
        (
            "abc",
            "SHA-512",
            Ok(
                "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
            ),
        ),
        ("abc", "sha-256", Err("D3137")),
        ("abc", "SHA256", Err("D3137")),
        ("abc", "", Err("D3137")),
    ];
    for (text, algorithm, expected) in cases {
        let result = hash(text, algorithm, &Meter::new(Allowance::FULL));
        let result = result.map_err(|error| error.code);
        assert_eq!(result, expected.map(str::to_owned), "{text} {algorithm}");
    }
}
