use super::*;

#[test]
fn this_host_is_described_layer_by_layer() {
    let folder = tempfile::tempdir().unwrap();
    let layers = probe(folder.path(), Network::Host).unwrap();
    for layer in &layers {
        println!("{layer}");
    }
    for layer in &probe(folder.path(), Network::None).unwrap() {
        println!("{layer}");
    }
}
