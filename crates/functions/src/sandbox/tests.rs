use super::*;

/// Layer, state, a part of what people read.
#[test]
fn layers_are_told_with_what_they_give_or_how_to_get_them() {
    for kind in LayerKind::ALL {
        assert_eq!(LayerKind::parse(kind.name()), Some(kind));
        let state = State::Active;
        let text = Layer { kind, state }.to_string();
        assert_eq!(text, format!("{kind}: {}", kind.gives()));
        let state = State::Missing("no such thing".to_owned());
        let text = Layer { kind, state }.to_string();
        assert!(text.starts_with(&format!("{kind}: missing (no such thing); ")));
        assert!(text.ends_with(kind.remedy()), "{text}");
    }
    assert_eq!(LayerKind::parse("selinux"), None);
}

#[test]
fn this_host_is_described_layer_by_layer() {
    let folder = tempfile::tempdir().unwrap();
    for network in [Network::Host, Network::None] {
        let layers = probe(folder.path(), network).unwrap();
        let kinds: Vec<LayerKind> = layers.iter().map(|layer| layer.kind).collect();
        assert_eq!(kinds, LayerKind::ALL);
    }
}
