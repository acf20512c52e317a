"""TroubleTicketSpecification of TMF621 v5.0.1: what kinds of ticket a provider offers."""

from typing import Any

from pydantic import Field

from receiver.models.common import Extensible, RelatedParty, Relationship, Text, Time, TimePeriod


class CharacteristicValueSpecification(Extensible):
    """One value, or range of values, that a characteristic may have."""

    is_default: bool | None = Field(default=None, alias="isDefault")
    range_interval: Text = Field(default=None, alias="rangeInterval")
    regex: Text = None
    unit_of_measure: Text = Field(default=None, alias="unitOfMeasure")
    valid_for: TimePeriod | None = Field(default=None, alias="validFor")
    value: Any = None
    value_from: Any = Field(default=None, alias="valueFrom")
    value_to: Any = Field(default=None, alias="valueTo")
    value_type: Text = Field(default=None, alias="valueType")


class CharacteristicSpecificationRelationship(Relationship):
    """How one characteristic depends on another."""

    characteristic_specification_id: Text = Field(
        default=None, alias="characteristicSpecificationId"
    )
    parent_specification_id: Text = Field(default=None, alias="parentSpecificationId")
    parent_specification_href: Text = Field(default=None, alias="parentSpecificationHref")
    valid_for: TimePeriod | None = Field(default=None, alias="validFor")


class CharacteristicSpecification(Extensible):
    """A characteristic that tickets of this kind have."""

    id: Text = None
    name: Text = None
    value_type: Text = Field(default=None, alias="valueType")
    description: Text = None
    configurable: bool | None = None
    valid_for: TimePeriod | None = Field(default=None, alias="validFor")
    min_cardinality: int | None = Field(default=None, alias="minCardinality")
    max_cardinality: int | None = Field(default=None, alias="maxCardinality")
    is_unique: bool | None = Field(default=None, alias="isUnique")
    regex: Text = None
    extensible: bool | None = None
    value_schema_location: Text = Field(default=None, alias="@valueSchemaLocation")
    char_spec_relationship: list[CharacteristicSpecificationRelationship] | None = Field(
        default=None, alias="charSpecRelationship"
    )
    characteristic_value_specification: list[CharacteristicValueSpecification] | None = Field(
        default=None, alias="characteristicValueSpecification"
    )


class TroubleTicketSpecification(Extensible):
    """A kind of ticket, whole or partial. lifecycleStatus is a free text in TMF621."""

    id: Text = None
    href: Text = None
    name: Text = None
    description: Text = None
    version: Text = None
    lifecycle_status: Text = Field(default=None, alias="lifecycleStatus")
    creation_date: Time = Field(default=None, alias="creationDate")
    last_update: Time = Field(default=None, alias="lastUpdate")
    valid_for: TimePeriod | None = Field(default=None, alias="validFor")
    spec_characteristic: list[CharacteristicSpecification] | None = Field(
        default=None, alias="specCharacteristic"
    )
    related_party: list[RelatedParty] | None = Field(default=None, alias="relatedParty")
