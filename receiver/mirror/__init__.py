"""The mirror: TMF621's GET operations, answered from what the provider has told us.

    GET {prefix}/troubleTicket, …/{id}      and troubleTicketSpecification, cancelTroubleTicket,
                                            inflightChangeTroubleTicket

It is there when the provider is not. Who may read, and how, is as for GET /events: taking events in
goes first.
"""
