"""The model folder: a transformers model that the encoder engine loads, and the items' tables beside it."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from transformers.utils.logging import disable_progress_bar

from storehand.errors import InvalidInput
from storehand_plugins.recommendation import catalogue as items_file
from storehand_plugins.recommendation.folder import FORMAT, OWN_FILE
from storehand_plugins.recommendation.tables import FILE as TABLES_FILE
from storehand_plugins.recommendation.train import cold
from storehand_plugins.recommendation.train.building import Built
from storehand_plugins.recommendation.train.reading import day
from storehand_plugins.recommendation.visits import FIRST_ITEM, PAD, UNKNOWN, token_name


def check_target(folder: Path, *, force: bool) -> None:
    """Refuses what would be overwritten: an existing folder without `force`, anything that is no model folder ever."""
    if not folder.exists():
        return
    if not folder.is_dir() or (any(folder.iterdir()) and not (folder / OWN_FILE).is_file()):
        raise InvalidInput(f"{folder} exists and is no model folder; give another name")
    if not force and any(folder.iterdir()):
        raise InvalidInput(f"{folder} exists", details={"advice": "give another name, or --force to replace it"})


def write(built: Built, folder: Path, *, card: str, facts: Mapping[str, Any], force: bool = False) -> None:
    """Writes beside the target and renames at the end: nobody ever sees half a model, a crash leaves the old one."""
    check_target(folder, force=force)
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        _write_all(built, draft, card, facts)
        _make_readable(draft)
        if folder.exists():
            old = draft.with_name(draft.name + "-old")
            folder.rename(old)
            draft.rename(folder)
            shutil.rmtree(old)
        else:
            draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _make_readable(folder: Path) -> None:
    """For the worker, which may be another user: temporary folders and safetensors files are for their owner only."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _write_all(built: Built, folder: Path, card: str, facts: Mapping[str, Any]) -> None:
    _write_network(built, folder)
    _write_tokenizer(len(built.catalogue), folder)
    pooling = {"word_embedding_dimension": built.network.shape.width, "pooling_mode_lasttoken": True}
    (folder / "1_Pooling").mkdir()
    _write_json(folder / "1_Pooling" / "config.json", pooling)
    built.catalogue.save(folder)
    built.tables.save(folder)
    about = {
        "format": FORMAT,
        "task": "recommendation",
        **facts,
        "items": len(built.catalogue),
        "max_events": built.network.shape.limit,
        "marks": list(built.marks),
        "epochs": built.epochs,
        "blend": built.blend,
        "validation": _figures(built),
        "fingerprint": _fingerprint(folder),
    }
    _write_json(folder / OWN_FILE, about)
    (folder / "README.md").write_text(card, encoding="utf-8")


def _figures(built: Built) -> dict[str, Any]:
    return {
        "from": None if built.validated_from is None else day(built.validated_from),
        **{
            seen: {
                name: {"hit_rate": round(each.hit_rate, 4), "ndcg": round(each.ndcg, 4)} for name, each in rows.items()
            }
            for seen, rows in built.figures.items()
        },
    }


def _write_network(built: Built, folder: Path) -> None:
    """In half precision. Cold items read as their kin do."""
    body = built.network.body.cpu()
    with torch.no_grad():
        embeddings = body.embed_tokens.weight
        placed = cold.place(embeddings[FIRST_ITEM:].numpy(), built.tables.is_cold, built.catalogue.texts)
        embeddings[FIRST_ITEM:] = torch.from_numpy(placed)
    disable_progress_bar()  # type: ignore[no-untyped-call]  # it would draw beside ours
    half = type(body)(body.config)
    half.load_state_dict(body.state_dict())
    half.to(dtype=torch.float16)  # type: ignore[call-arg]  # the signature is lost behind a decorator
    half.save_pretrained(folder)


def _write_tokenizer(items: int, folder: Path) -> None:
    """Words are items: skus may have blanks, so the words are their numbers."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    names = [token_name(number) for number in range(FIRST_ITEM + items)]
    backend = Tokenizer(models.WordLevel({name: number for number, name in enumerate(names)}, unk_token=names[UNKNOWN]))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]  # transformers'
        tokenizer_object=backend, unk_token=names[UNKNOWN], pad_token=names[PAD]
    )
    tokenizer.save_pretrained(folder)


def _fingerprint(folder: Path) -> str:
    digest = hashlib.sha256()
    for name in ("model.safetensors", TABLES_FILE, items_file.FILE):
        digest.update((folder / name).read_bytes())
    return digest.hexdigest()[:12]


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
