//! What customers call about: subjects of cases with the conversations that belong to them.

/// A subject: `{}` is the product. The messages alternate between the customer and us.
pub(super) struct Topic {
    pub(super) category: usize,
    pub(super) subject: &'static str,
    pub(super) messages: [&'static str; 6],
}

pub(super) const CATEGORIES: [(&str, i64); 12] = [
    ("Technical fault", 4),
    ("Noise and vibration", 8),
    ("Leak", 4),
    ("Electrical", 4),
    ("Delivery", 24),
    ("Invoice", 48),
    ("Spare part", 24),
    ("Installation", 24),
    ("Training", 72),
    ("Documentation", 48),
    ("Warranty", 24),
    ("Complaint", 8),
];

pub(super) const TOPICS: &[&Topic] = &[
    &Topic {
        category: 0,
        subject: "{} stops after a few minutes",
        messages: [
            "Since this morning our {} stops about five minutes after each start. The red lamp is on. We need it for the afternoon shift.",
            "Thank you for your call. Could you please read the two digits on the display while the lamp is red, and tell us the room temperature?",
            "It shows 07, and it is about 38 degrees in there.",
            "Code 07 is the thermal protection. Please clean the filter mat at the back and leave the door open for now. We are sending a technician to check the fan.",
            "The filter was full of dust. It has been running for two hours now.",
            "Good to hear. The technician will still come on Thursday and change the fan under warranty. I set the case to resolved after that.",
        ],
    },
    &Topic {
        category: 1,
        subject: "Loud noise from {}",
        messages: [
            "The {} makes a grinding noise, louder every day. People next door have complained.",
            "Does the noise change with the speed, or is it the same all the time? A short recording would help us.",
            "It gets higher when the speed goes up. I sent you a recording by mail.",
            "That sounds like the front bearing. We have the bearing set in stock and can change it next week on Tuesday or Wednesday.",
            "Wednesday before noon, please. Ask for the plant manager at the gate.",
            "Confirmed for Wednesday, 9 o'clock. The line will be down for about two hours.",
        ],
    },
    &Topic {
        category: 2,
        subject: "Water under {}",
        messages: [
            "There is a puddle under the {} every morning, about half a liter.",
            "Please close the inlet and check whether the drops come from the flange or from the shaft.",
            "From the shaft, one drop in ten seconds.",
            "Then it is the mechanical seal. The set is on its way to you; our technician has it changed in an hour.",
            "The set has arrived. When will he come?",
            "He is in your area on Friday and will call you half an hour before.",
        ],
    },
    &Topic {
        category: 3,
        subject: "Fuse blows when {} starts",
        messages: [
            "Each time the {} starts the 16 A fuse blows. It worked for two years.",
            "Has anything else been put on this circuit lately? And what does the nameplate say about the starting current?",
            "The new compressor is on it since last week. The nameplate says 14.5 A.",
            "Both together are too much for 16 A. Please have your electrician put the compressor on a circuit of its own.",
            "He did that today, and both run. Thank you!",
            "Glad that it was so simple. I close the case.",
        ],
    },
    &Topic {
        category: 4,
        subject: "Order of {} incomplete",
        messages: [
            "We ordered four of {}, but only three have come. The delivery note says four.",
            "I am sorry. The warehouse is checking. Were there two pallets or one?",
            "One pallet, well packed, nothing damaged.",
            "The second pallet is still at the depot in your city. It will be delivered tomorrow before ten.",
            "It came this morning. Everything is complete now.",
            "Thank you for telling us. We have spoken to the carrier.",
        ],
    },
    &Topic {
        category: 5,
        subject: "Invoice for {} has the wrong amount",
        messages: [
            "The invoice for {} does not have the discount from our framework contract. Please correct it before the 15th.",
            "You are right, the discount of the contract is missing. We will send a credit note and a new invoice.",
            "We received the credit note but not the new invoice.",
            "It went to your old address. I have sent it again by mail and changed the address in your account.",
            "Got it. Payment goes out this week.",
            "Many thanks. The case is closed.",
        ],
    },
    &Topic {
        category: 6,
        subject: "Spare part for {} needed",
        messages: [
            "We need a seal kit and the float switch for our {}, built in 2019.",
            "Both are in stock. Shall we send them by parcel, or do you need a technician to fit them?",
            "By parcel, please. Our own people will fit them.",
            "Shipped today; the tracking number is in the mail. The fitting instructions are in the box.",
            "The float switch has another plug than the old one.",
            "An adapter was left out of the kit. It is on its way at no charge.",
        ],
    },
    &Topic {
        category: 7,
        subject: "Date for commissioning {}",
        messages: [
            "The {} stands in its place and the pipes are connected. When can you put it into operation?",
            "We have free dates on the 12th and the 19th. Is the power connected, and is there somebody who can switch it?",
            "The electrician comes on the 14th, so the 19th is fine.",
            "The 19th is booked. Please have the flushing record ready.",
            "Does the flushing have to be done with drinking water?",
            "Process water is enough, as long as it runs through the filter for thirty minutes.",
        ],
    },
    &Topic {
        category: 8,
        subject: "Training for operators of {}",
        messages: [
            "We have three new people on the {} and would like a training on our site.",
            "With pleasure. It takes half a day; up to eight people can take part. Which language do you need?",
            "Two of them speak Polish, one German.",
            "A colleague from Kraków can do it in both languages. Would the first week of next month suit you?",
            "Tuesday of that week, in the morning.",
            "Booked. You will receive the documents two days before.",
        ],
    },
    &Topic {
        category: 9,
        subject: "Manual for {} in another language",
        messages: [
            "The manual of the {} came only in English. Our safety officer asks for one in our language.",
            "We have it in eight languages. I have sent you the link for your account.",
            "The link says that I have no access.",
            "Your account had not been confirmed. It is now, please try again.",
            "It works. Could we have two printed copies for the control room?",
            "They go out with the next parcel.",
        ],
    },
    &Topic {
        category: 10,
        subject: "{} failed within the warranty",
        messages: [
            "Our {} has failed after seven months. It was serviced as you asked. We expect a replacement under the warranty.",
            "Please send us a photo of the nameplate and the last service record. We will decide within two days.",
            "Both are attached to my mail.",
            "The warranty covers it. A new unit leaves our works tomorrow; the carrier takes the old one back.",
            "The exchange went well. Do we keep the warranty from the first purchase?",
            "For the replaced unit it begins anew today. The certificate is in your account.",
        ],
    },
    &Topic {
        category: 11,
        subject: "Technician for {} did not come",
        messages: [
            "We waited for your technician all Monday morning. Nobody came and nobody called. The {} is still down.",
            "I apologize. The appointment was moved in our plan, and you were not told. He is with you tomorrow at eight.",
            "He came at eight and it runs again. But we had a day of lost production.",
            "We will not charge for the visit, and your account manager will call you about the rest.",
            "He has called. We found a solution.",
            "Thank you for your patience. We have changed how moved appointments are confirmed.",
        ],
    },
];
