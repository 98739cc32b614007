from labctl.app._campaign_folder import unused_folder


def test_a_second_campaign_gets_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert str(unused_folder("labctl-demo")) == "labctl-demo"
    (tmp_path / "labctl-demo").mkdir()
    (tmp_path / "labctl-demo-2").mkdir()
    assert str(unused_folder("labctl-demo")) == "labctl-demo-3"
